import { closeIcon, searchIcon } from '@jupyterlab/ui-components';
import * as React from 'react';
import { createPortal } from 'react-dom';

import type { FoundAsset } from '../api';
import { ErrorNote, IconButton, useUi } from '../components';
import { HostProvider, type IHost } from '../pages/host';
import type { ITopProps } from '../projects/tokens';
import { Search } from './model';
import { AssetStatus } from './status';

/** The field's id, by which the command finds it. */
export const SEARCH_FIELD = 'jp-insighter-search';

/** The search as a part of the sidebar. */
export function searchTop(host: IHost): React.ComponentType<ITopProps> {
  return function SearchTop() {
    return (
      <HostProvider host={host}>
        <SearchField host={host} />
      </HostProvider>
    );
  };
}

/** A field to search all assets with, and the list of what was found: one box, by mouse or by keyboard. */
function SearchField({ host }: { host: IHost }): JSX.Element {
  const { trans } = useUi();
  const base = React.useId();
  const search = React.useMemo(() => new Search(), []);
  const state = React.useSyncExternalStore(search.subscribe, search.snapshot);
  const field = React.useRef<HTMLInputElement>(null);
  const [text, setText] = React.useState('');
  const [open, setOpen] = React.useState(false);
  const [active, setActive] = React.useState(0);
  React.useEffect(() => () => search.clear(), [search]);
  React.useEffect(() => setActive(0), [state.text]);

  const { items } = state;
  const shown = open && state.text !== null;
  const chosen = Math.min(active, items.length - 1);

  const begin = () => {
    if (!open) {
      setOpen(true);
      search.ask(text, true);
    }
  };
  const close = () => setOpen(false);
  const clear = () => {
    setText('');
    close();
    search.clear();
    field.current?.focus();
  };
  const take = (asset: FoundAsset | undefined) => {
    if (asset) {
      close();
      const { project_id: project, kind, key, name } = asset;
      void host.assets.open({ project, kind, key }, name);
    }
  };

  const onKeyDown = (event: React.KeyboardEvent) => {
    if (event.nativeEvent.isComposing || event.ctrlKey || event.metaKey || event.altKey) {
      return; // letters that are being put together, and shortcuts
    }
    switch (event.key) {
      case 'ArrowDown':
      case 'ArrowUp':
        event.preventDefault();
        if (!shown) {
          begin();
        } else if (items.length > 0) {
          setActive((chosen + (event.key === 'ArrowDown' ? 1 : -1) + items.length) % items.length);
        }
        break;
      case 'Enter':
        event.preventDefault();
        // what is on the screen may answer what was typed before
        if (shown && state.text === text && !state.busy) {
          take(items[chosen]);
        }
        break;
      case 'Escape':
        event.preventDefault();
        event.stopPropagation();
        if (open) {
          close();
        } else {
          clear();
        }
        break;
      case 'Tab':
        close();
        break;
    }
  };

  return (
    <div className="jp-Insighter-Search" role="search">
      <searchIcon.react tag="span" elementSize="normal" />
      <input
        ref={field}
        id={SEARCH_FIELD}
        type="text"
        role="combobox"
        aria-label={trans.__('Search all assets')}
        aria-expanded={shown}
        aria-controls={`${base}-list`}
        aria-autocomplete="list"
        aria-activedescendant={shown && items.length > 0 ? `${base}-${chosen}` : undefined}
        placeholder={trans.__('Search all assets')}
        value={text}
        autoComplete="off"
        spellCheck={false}
        onChange={event => {
          setText(event.target.value);
          setOpen(true);
          search.ask(event.target.value);
        }}
        onKeyDown={onKeyDown}
        onClick={begin}
        onBlur={close}
      />
      {text && <IconButton icon={closeIcon} label={trans.__('Clear the search')} onClick={clear} />}
      <span className="jp-Insighter-hidden" role="status">
        {shown && !state.busy ? trans._n('%1 found', '%1 found', items.length) : ''}
      </span>
      {shown && field.current && (
        <Results
          id={`${base}-list`}
          base={base}
          below={field.current}
          items={items}
          more={state.more}
          error={state.error}
          text={state.text ?? ''}
          active={chosen}
          host={host}
          onPoint={setActive}
          onTake={take}
        />
      )}
    </div>
  );
}

function Results(props: {
  id: string;
  base: string;
  below: HTMLElement;
  items: ReadonlyArray<FoundAsset>;
  more: boolean;
  error: unknown;
  text: string;
  active: number;
  host: IHost;
  onPoint: (index: number) => void;
  onTake: (asset: FoundAsset) => void;
}): JSX.Element {
  const { below, items, active, host } = props;
  const { trans } = useUi();
  const list = React.useRef<HTMLDivElement>(null);
  React.useEffect(() => {
    list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' });
  }, [active, items]);
  const box = (below.parentElement ?? below).getBoundingClientRect();
  const groups = [...new Set(items.map(({ project_id }) => project_id))];
  return createPortal(
    <div
      ref={list}
      className="jp-Insighter jp-Insighter-Found"
      style={{ left: box.left, top: box.bottom + 2, minWidth: box.width }}
      // the field keeps the keyboard
      onMouseDown={event => event.preventDefault()}
    >
      {props.error !== null && <ErrorNote error={props.error} />}
      <div id={props.id} role="listbox" aria-label={trans.__('Assets that were found')}>
        {groups.map(project => {
          const own = items.filter(({ project_id }) => project_id === project);
          return (
            <div key={project} role="group" aria-labelledby={`${props.base}-${project}`}>
              <div id={`${props.base}-${project}`} className="jp-Insighter-Found-project">
                {own[0].project}
              </div>
              {own.map(asset => {
                const index = items.indexOf(asset);
                return (
                  <FoundRow
                    key={`${asset.kind} ${asset.key}`}
                    id={`${props.base}-${index}`}
                    asset={asset}
                    host={host}
                    active={index === active}
                    onPoint={() => props.onPoint(index)}
                    onTake={() => props.onTake(asset)}
                  />
                );
              })}
            </div>
          );
        })}
      </div>
      {items.length === 0 && props.error === null && (
        <p className="jp-Insighter-Quiet">
          {props.text.trim()
            ? trans.__(
                'Nothing has all of these words. Names, columns, tags, metrics and descriptions are searched, by whole words and how the last one begins.'
              )
            : trans.__('Nothing is there yet to be found.')}
        </p>
      )}
      {props.more && <p className="jp-Insighter-Quiet">{trans.__('There is more: type another word.')}</p>}
    </div>,
    document.body
  );
}

function FoundRow(props: {
  id: string;
  asset: FoundAsset;
  host: IHost;
  active: boolean;
  onPoint: () => void;
  onTake: () => void;
}): JSX.Element {
  const { asset, host } = props;
  const { trans } = useUi();
  const kind = host.assets.kind(asset.kind);
  const fields: Readonly<Record<string, string>> = {
    column: trans.__('column'),
    tag: trans.__('tag'),
    metric: trans.__('metric'),
    model: trans.__('model'),
    description: trans.__('description'),
    text: trans.__('text')
  };
  const { field, text } = asset.why;
  return (
    <div
      id={props.id}
      role="option"
      aria-selected={props.active}
      className="jp-Insighter-Found-row"
      onMouseMove={props.onPoint}
      onClick={props.onTake}
    >
      {kind && <kind.icon.react tag="span" elementSize="normal" />}
      <span className="jp-Insighter-Found-name">{asset.name}</span>
      <span className="jp-Insighter-Quiet">
        {[kind?.label ?? asset.kind, asset.version === null ? '' : `v${asset.version}`]
          .filter(Boolean)
          .join(' ')}
      </span>
      <AssetStatus status={asset.status} />
      {field !== 'name' && (
        <span className="jp-Insighter-Found-why">
          {fields[field] ?? field}: {text}
        </span>
      )}
    </div>
  );
}
