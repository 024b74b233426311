import * as React from 'react';

import type { Dataset, Project } from '../api';
import { Button, EmptyLine, ErrorNote, formatNumber, ProgressRow, Row, RowList, useUi } from '../components';
import { datasetIcon } from '../pages/icons';
import { useOwnResource } from '../pages/resource';
import { SharingCommands } from '../projects/commands';
import { may } from '../projects/roles';
import type { ISectionProps } from '../projects/tokens';
import { CommandIDs } from './commands';
import { datasetList } from './model';
import type { IUpload, Uploads } from './uploads';

/** Takes files that were dropped or chosen. */
export type Offer = (project: Project, files: ReadonlyArray<File>) => void;

interface IDatasetsProps extends ISectionProps {
  uploads: Uploads;
  offer: Offer;
}

/** The datasets in the sidebar, with the files on their way to become some. */
export function DatasetsSection(props: IDatasetsProps): JSX.Element {
  const { project, revision, setCount, uploads, offer } = props;
  const { trans, commands } = useUi();
  const [list, { value, error }] = useOwnResource(() => datasetList(project.id), project.id, revision);
  const all = React.useSyncExternalStore(uploads.subscribe, uploads.snapshot);
  const mine = all.filter(upload => upload.project === project.id);
  const [over, setOver] = React.useState(false);

  // what an upload added is in the list only after the list is asked for again
  const uploading = mine.length > 0;
  const [settled, setSettled] = React.useState(true);
  React.useEffect(() => {
    if (uploading) {
      setSettled(false);
    } else if (!settled) {
      void list.refresh().then(() => setSettled(true));
    }
  }, [uploading, settled, list]);

  const count = value?.length ?? null;
  React.useEffect(() => setCount(count), [setCount, count]);

  const mayChange = may(project, 'editor');
  const carriesFiles = (event: React.DragEvent) => mayChange && event.dataTransfer.types.includes('Files');
  return (
    <div
      className={`jp-Insighter-Datasets${over ? ' jp-mod-over' : ''}`}
      onDragOver={event => {
        if (carriesFiles(event)) {
          event.preventDefault();
          event.dataTransfer.dropEffect = 'copy';
          setOver(true);
        }
      }}
      onDragLeave={event => {
        if (!event.currentTarget.contains(event.relatedTarget as Node | null)) {
          setOver(false);
        }
      }}
      onDrop={event => {
        setOver(false);
        if (carriesFiles(event)) {
          event.preventDefault();
          offer(project, [...event.dataTransfer.files]);
        }
      }}
    >
      {mine.map(upload => (
        <UploadRow key={upload.id} upload={upload} uploads={uploads} />
      ))}
      {error && <ErrorNote error={error} onRetry={() => void list.refresh()} />}
      {value && value.length > 0 && (
        <RowList label={trans.__('Datasets')}>
          {value.map(dataset => (
            <DatasetRow key={dataset.id} dataset={dataset} project={project} />
          ))}
        </RowList>
      )}
      {value?.length === 0 && !uploading && settled && (
        <EmptyLine
          text={trans.__('No data yet')}
          hint={trans.__('A CSV, JSON or Parquet file, chosen or dropped here; or in a notebook:')}
          action={{
            label: trans.__('Upload a file…'),
            onClick: () => void commands.execute(CommandIDs.upload, { project: project.id })
          }}
          fillable={mayChange}
          code='ix.datasets.upload("wine", "wine.csv")'
        />
      )}
    </div>
  );
}

function DatasetRow({ dataset, project }: { dataset: Dataset; project: Project }): JSX.Element {
  const { trans } = useUi();
  const { latest, name } = dataset;
  const args = { project: project.id, name };
  const size = `${formatNumber(latest.rows)}×${formatNumber(latest.columns.length)}`;
  return (
    <Row
      name={name}
      icon={datasetIcon}
      fact={`v${latest.version}  ${size}`}
      title={trans.__(
        '%1: version %2, %3 rows, %4 columns',
        name,
        latest.version,
        formatNumber(latest.rows),
        formatNumber(latest.columns.length)
      )}
      open={{ command: CommandIDs.open, args }}
      actions={[
        { command: CommandIDs.copyCode, args, inline: true },
        { command: CommandIDs.upload, args },
        { command: CommandIDs.download, args: { ...args, version: latest.version, format: 'original' } },
        { command: CommandIDs.download, args: { ...args, version: latest.version, format: 'parquet' } },
        { command: SharingCommands.restrict, args: { ...args, kind: 'dataset' } },
        { command: CommandIDs.remove, args }
      ]}
    />
  );
}

function UploadRow({ upload, uploads }: { upload: IUpload; uploads: Uploads }): JSX.Element {
  const { trans, commands } = useUi();
  const { id, name, file, phase, sent, error, uploaded } = upload;
  const dismiss = () => uploads.dismiss(id);
  if (phase === 'failed') {
    // what the server refused may be the name, and sending it again under that name would not help
    const refused = error !== null && [400, 409, 422].includes(error.status);
    return (
      <div className="jp-Insighter-Upload">
        <div className="jp-Insighter-Upload-name">{trans.__('%1 was not uploaded', file.name)}</div>
        <ErrorNote error={error} />
        <div className="jp-Insighter-Buttons">
          <Button primary onClick={() => uploads.retry(id)}>
            {trans.__('Try again')}
          </Button>
          {refused && (
            <Button
              onClick={() => void commands.execute(CommandIDs.renameUpload, { id })}
              title={trans.__('Upload the same file under another name')}
            >
              {trans.__('Other name…')}
            </Button>
          )}
          <Button onClick={dismiss}>{trans.__('Dismiss')}</Button>
        </div>
      </div>
    );
  }
  if (phase === 'same') {
    return (
      <div className="jp-Insighter-Upload" role="status">
        <div>
          {trans.__(
            'Nothing added: “%1” has this content already, as version %2.',
            name,
            uploaded?.version.version ?? ''
          )}
        </div>
        <div className="jp-Insighter-Buttons">
          <Button onClick={dismiss}>{trans.__('Dismiss')}</Button>
        </div>
      </div>
    );
  }
  const details = { waiting: trans.__('Waiting…'), sending: undefined, reading: trans.__('Reading…') };
  return (
    <ProgressRow
      label={name}
      fraction={phase === 'sending' ? (file.size ? sent / file.size : 1) : null}
      detail={details[phase]}
      onCancel={dismiss}
    />
  );
}
