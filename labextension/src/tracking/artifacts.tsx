import { caretDownIcon, caretRightIcon, fileIcon, folderIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { RunDetail } from '../api';
import { CodeLine, CopyButton, ErrorNote, formatBytes } from '../components';
import { useHost } from '../pages/host';
import { useOwnResource } from '../pages/resource';
import { artifactUrl, type RunModel } from './model';

/** The files that a run left, folder by folder. */
export function ArtifactTree({ model, run }: { model: RunModel; run: RunDetail }): JSX.Element {
  const { trans } = useHost();
  return (
    <>
      <Folder
        model={model}
        uri={run.artifact_uri}
        path=""
        revision={run.ended_at ?? ''}
        label={trans.__('Artifacts')}
      />
      <div className="jp-Insighter-WithCopy jp-Insighter-Quiet">
        <code>{run.artifact_uri}</code>
        <CopyButton text={run.artifact_uri} label={trans.__('Copy the address of the artifacts')} />
      </div>
    </>
  );
}

interface IFolderProps {
  model: RunModel;
  uri: string;
  path: string;
  revision: string;
  label: string;
}

function Folder({ model, uri, path, revision, label }: IFolderProps): JSX.Element | null {
  const { trans } = useHost();
  const [open, setOpen] = React.useState<ReadonlySet<string>>(new Set());
  const [list, { value, error }] = useOwnResource(() => model.artifacts(path), path, revision);
  if (error) {
    return <ErrorNote error={error} onRetry={() => void list.refresh()} />;
  }
  if (!value) {
    return <p className="jp-Insighter-Loading">{trans.__('Loading…')}</p>;
  }
  if (value.length === 0) {
    return (
      <div className="jp-Insighter-Nothing">
        <p>{path ? trans.__('This folder is empty.') : trans.__('No artifacts.')}</p>
        {!path && <CodeLine code='mlflow.log_artifact("plot.png")' />}
      </div>
    );
  }
  const toggle = (folder: string) => {
    const next = new Set(open);
    if (!next.delete(folder)) {
      next.add(folder);
    }
    setOpen(next);
  };
  return (
    <ul className="jp-Insighter-Tree" aria-label={label}>
      {value.map(file => {
        const name = file.path.split('/').at(-1) ?? file.path;
        const url = artifactUrl(uri, file.path);
        if (!file.is_dir) {
          return (
            <li key={file.path}>
              <span className="jp-Insighter-Tree-item">
                <fileIcon.react tag="span" width="16px" />
                {url === null ? (
                  name
                ) : (
                  <a href={url} download={name} title={trans.__('Download %1', name)}>
                    {name}
                  </a>
                )}
                {file.size !== null && <span className="jp-Insighter-Quiet">{formatBytes(file.size)}</span>}
              </span>
            </li>
          );
        }
        const unfolded = open.has(file.path);
        const Caret = unfolded ? caretDownIcon : caretRightIcon;
        return (
          <li key={file.path}>
            <button
              type="button"
              className="jp-Insighter-Tree-item"
              aria-expanded={unfolded}
              onClick={() => toggle(file.path)}
            >
              <Caret.react tag="span" width="16px" />
              <folderIcon.react tag="span" width="16px" />
              {name}
            </button>
            {unfolded && <Folder model={model} uri={uri} path={file.path} revision={revision} label={name} />}
          </li>
        );
      })}
    </ul>
  );
}
