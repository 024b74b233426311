import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { caretDownIcon, caretRightIcon, fileIcon, folderIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { ArtifactFile, RunDetail } from '../../api';
import { CodeLine, CopyButton, ErrorNote, formatBytes, useUi } from '../../components';
import { useOwnResource } from '../../pages/resource';
import { artifactUrl, type RunModel } from '../model';
import { Preview } from './shown';

interface IArtifactsProps {
  model: RunModel;
  run: RunDetail;
  rendermime: IRenderMimeRegistry | null;
}

/** The files that a run left: folder by folder on the left, the chosen one on the right. */
export function Artifacts({ model, run, rendermime }: IArtifactsProps): JSX.Element {
  const { trans } = useUi();
  const [chosen, setChosen] = React.useState<ArtifactFile | null>(null);
  const url = chosen && artifactUrl(run.artifact_uri, chosen.path);
  return (
    <div className="jp-Insighter-Artifacts">
      <div className="jp-Insighter-Artifacts-tree">
        <Folder
          model={model}
          path=""
          // files come while a run goes on, with no word of it but its other news
          revision={[run.ended_at, run.metrics.length, Object.keys(run.tags).length].join(' ')}
          label={trans.__('Artifacts')}
          chosen={chosen?.path ?? null}
          onChoose={setChosen}
        />
        <div className="jp-Insighter-WithCopy jp-Insighter-Quiet">
          <code title={run.artifact_uri}>{run.artifact_uri}</code>
          <CopyButton text={run.artifact_uri} label={trans.__('Copy the address of the artifacts')} />
        </div>
      </div>
      <div className="jp-Insighter-Artifacts-preview">
        {chosen === null ? (
          <p className="jp-Insighter-Quiet">{trans.__('Choose a file to see it.')}</p>
        ) : url === null ? (
          <p className="jp-Insighter-Quiet">
            {trans.__('The artifacts are kept elsewhere than on this server.')}
          </p>
        ) : (
          <Preview
            key={chosen.path}
            url={url}
            path={chosen.path}
            size={chosen.size}
            rendermime={rendermime}
          />
        )}
      </div>
    </div>
  );
}

interface IFolderProps {
  model: RunModel;
  path: string;
  revision: string;
  label: string;
  chosen: string | null;
  onChoose: (file: ArtifactFile) => void;
}

function Folder({ model, path, revision, label, chosen, onChoose }: IFolderProps): JSX.Element | null {
  const { trans } = useUi();
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
        if (!file.is_dir) {
          return (
            <li key={file.path}>
              <button
                type="button"
                className="jp-Insighter-Tree-item jp-mod-file"
                aria-pressed={chosen === file.path}
                title={name}
                onClick={() => onChoose(file)}
              >
                <fileIcon.react tag="span" width="16px" />
                <span className="jp-Insighter-Tree-name">{name}</span>
                {file.size !== null && <span className="jp-Insighter-Quiet">{formatBytes(file.size)}</span>}
              </button>
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
              title={name}
              onClick={() => toggle(file.path)}
            >
              <Caret.react tag="span" width="16px" />
              <folderIcon.react tag="span" width="16px" />
              <span className="jp-Insighter-Tree-name">{name}</span>
            </button>
            {unfolded && (
              <Folder
                model={model}
                path={file.path}
                revision={revision}
                label={name}
                chosen={chosen}
                onChoose={onChoose}
              />
            )}
          </li>
        );
      })}
    </ul>
  );
}
