import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import * as React from 'react';

import type { ModelCard, RegisteredModelDetail } from '../api';
import { Button, CopyButton, ErrorNote, RelativeTime, useAfter } from '../components';
import { Markdown } from '../home/markdown';
import { useHost, useMay, useRevision } from '../pages/host';
import { useOwnResource } from '../pages/resource';
import { TextEditor } from '../projects/texteditor';
import type { RegisteredModelModel } from './model';

interface ICardProps {
  model: RegisteredModelModel;
  detail: RegisteredModelDetail;
  rendermime: IRenderMimeRegistry | null;
}

/** The card of the model, or of one of its versions: read, and edited where it stands. */
export function Card({ model, detail, rendermime }: ICardProps): JSX.Element {
  const { trans } = useHost();
  const revision = useRevision();
  const [version, setVersion] = React.useState<number | null>(null);
  const [card, { value, error }] = useOwnResource(
    () => model.card(version),
    `${model.name}/${version ?? ''}`,
    revision
  );
  const [editing, setEditing] = React.useState<{ card: ModelCard; text: string } | null>(null);
  const [history, setHistory] = React.useState(false);
  const mayEdit = useMay(model.project, 'editor');
  const place = React.useRef<HTMLDivElement>(null);
  const after = useAfter();
  const done = () => {
    setEditing(null);
    void card.refresh();
    // the field that had the keyboard's focus is gone
    after(() => place.current?.querySelector<HTMLElement>('button')?.focus());
  };
  if (editing) {
    return <Editor model={model} version={version} {...editing} onDone={done} />;
  }
  return (
    <div ref={place} className="jp-Insighter-Card">
      <div className="jp-Insighter-Headline">
        <span className="jp-Insighter-Buttons">
          <select
            className="jp-Insighter-Select"
            aria-label={trans.__('Whose card')}
            value={version ?? ''}
            onChange={event => setVersion(event.target.value ? Number(event.target.value) : null)}
          >
            <option value="">{trans.__('the model’s card')}</option>
            {detail.history.map(one => (
              <option key={one.version} value={one.version}>
                {trans.__('the card of version %1', one.version)}
              </option>
            ))}
          </select>
          {value && <About card={value} />}
        </span>
        <span className="jp-Insighter-Buttons">
          {value && <CopyButton text={value.markdown} label={trans.__('Copy the card as Markdown')} />}
          {value && value.revision > 0 && (
            <Button onClick={() => setHistory(!history)}>
              {history ? trans.__('Hide the history') : trans.__('History')}
            </Button>
          )}
          {mayEdit && value && (
            <Button primary onClick={() => setEditing({ card: value, text: value.body })}>
              {value.source === 'generated' ? trans.__('Write it') : trans.__('Edit')}
            </Button>
          )}
        </span>
      </div>
      {error && <ErrorNote error={error} onRetry={() => void card.refresh()} />}
      {!value && !error && <p className="jp-Insighter-Loading">{trans.__('Loading…')}</p>}
      {history && value && (
        <History
          key={`${version ?? ''}/${value.revision}`}
          model={model}
          version={version}
          onTake={mayEdit ? text => setEditing({ card: value, text }) : null}
        />
      )}
      {value && <Markdown text={value.markdown} rendermime={rendermime} />}
    </div>
  );
}

/** Whose words it has, and which version's facts. */
function About({ card }: { card: ModelCard }): JSX.Element {
  const { trans } = useHost();
  const facts = card.shows === null ? '' : trans.__('facts of v%1', card.shows);
  return (
    <span className="jp-Insighter-Quiet">
      {card.source === 'generated'
        ? [trans.__('made from what is known'), facts].filter(Boolean).join(' · ')
        : [trans.__('by %1', card.by ?? ''), facts].filter(Boolean).join(' · ')}
      {card.at && (
        <>
          {' · '}
          <RelativeTime time={card.at} />
        </>
      )}
      {card.source === 'model' && card.version !== null && ` · ${trans.__('the model’s text')}`}
    </span>
  );
}

function History(props: {
  model: RegisteredModelModel;
  version: number | null;
  onTake: ((text: string) => void) | null;
}): JSX.Element {
  const { model, version, onTake } = props;
  const { trans } = useHost();
  const [history, { value, error }] = useOwnResource(
    () => model.cardHistory(version),
    `${model.name}/${version ?? ''}`,
    0
  );
  if (error) {
    return <ErrorNote error={error} onRetry={() => void history.refresh()} />;
  }
  return (
    <ul className="jp-Insighter-Plain jp-Insighter-CardHistory">
      {value?.map(one => (
        <li key={one.revision}>
          <details className="jp-Insighter-Details">
            <summary>
              {trans.__('%1. by %2,', one.revision, one.by)} <RelativeTime time={one.at} />
            </summary>
            <pre tabIndex={0} aria-label={trans.__('The text of then')}>
              {one.body}
            </pre>
            {onTake && (
              <Button onClick={() => onTake(one.body)}>{trans.__('Take this text into the editor')}</Button>
            )}
          </details>
        </li>
      ))}
    </ul>
  );
}

function Editor(props: {
  model: RegisteredModelModel;
  version: number | null;
  card: ModelCard;
  text: string;
  onDone: () => void;
}): JSX.Element {
  const { model, version, card } = props;
  const { trans, projects } = useHost();
  const [revision, setRevision] = React.useState(card.revision);
  return (
    <TextEditor
      label={version === null ? trans.__('The model’s card') : trans.__('The card of version %1', version)}
      hint={trans.__('A line such as {{metrics}} shows what is known, always as it is now.')}
      rows={14}
      maxLength={100_000}
      before={card.body}
      text={props.text}
      save={async text => {
        await model.writeCard(version, text, revision);
        void projects.refresh();
      }}
      onClash={({ details }) => setRevision((details as { revision: number }).revision)}
      onDone={props.onDone}
      tools={insert => (
        <div className="jp-Insighter-Buttons" role="group" aria-label={trans.__('Insert what is known')}>
          <span className="jp-Insighter-Quiet">{trans.__('Insert:')}</span>
          {card.parts.map(part => (
            <Button key={part} title={trans.__('Insert {{%1}}', part)} onClick={() => insert(`{{${part}}}`)}>
              {part}
            </Button>
          ))}
        </div>
      )}
    />
  );
}
