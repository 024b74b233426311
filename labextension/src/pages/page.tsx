import * as React from 'react';

import type { IAssetRef, IAssetTab } from '../assets/tokens';
import { CopyButton, ErrorBoundary, formatNumber } from '../components';
import { useHost } from './host';

interface IPageProps {
  /** What kind of thing it is: "Dataset". */
  kind: string;
  title: React.ReactNode;
  /** A `StatusDot`. */
  status?: React.ReactNode;
  /** Beside the title: a version selector. */
  selector?: React.ReactNode;
  /** Buttons; the main one last. */
  actions?: React.ReactNode;
  /** The summary line: `Facts`. */
  summary?: React.ReactNode;
  /** Errors and code lines, above the rest. */
  notes?: React.ReactNode;
  children: React.ReactNode;
}

/** The anatomy that every page of an asset shares: title, status, actions; a summary line; the rest. */
export function Page(props: IPageProps): JSX.Element {
  const heading = React.useId();
  return (
    <section className="jp-Insighter-Page" aria-labelledby={heading}>
      <header className="jp-Insighter-Page-header">
        <div className="jp-Insighter-Page-titles">
          <div className="jp-Insighter-Page-kind">{props.kind}</div>
          <div className="jp-Insighter-Page-titleline">
            <h1 id={heading} className="jp-Insighter-Page-title">
              {props.title}
            </h1>
            {props.selector}
            {props.status}
          </div>
        </div>
        {props.actions && <div className="jp-Insighter-Page-actions">{props.actions}</div>}
      </header>
      {props.summary}
      {props.notes}
      {props.children}
    </section>
  );
}

/** Facts in a line; those that are not there are left out. */
export function Facts(props: { children: React.ReactNode }): JSX.Element {
  return (
    <ul className="jp-Insighter-Summary">
      {React.Children.toArray(props.children).map((fact, index) => (
        <li key={index}>{fact}</li>
      ))}
    </ul>
  );
}

/** A link that downloads, in the look of a button. */
export function DownloadLink(props: {
  href: string;
  children: React.ReactNode;
  title?: string;
}): JSX.Element {
  return (
    <a className="jp-Insighter-Button" href={props.href} title={props.title} download>
      {props.children}
    </a>
  );
}

/** Lines of code to copy. */
export function CodeBlock(props: { code: string; label: string }): JSX.Element {
  return (
    <div className="jp-Insighter-CodeBlock">
      <pre tabIndex={0} aria-label={props.label}>
        <code>{props.code}</code>
      </pre>
      <CopyButton text={props.code} />
    </div>
  );
}

interface ITab<K extends string> {
  id: K;
  label: string;
  /** Shown small behind the label. */
  count?: number | null;
}

interface ITabsProps<K extends string> {
  label: string;
  tabs: ReadonlyArray<ITab<K>>;
  current: K;
  onSelect: (id: K) => void;
  /** At the right end of the bar, about the current tab. */
  extra?: React.ReactNode;
  /** The current tab's panel. */
  children: React.ReactNode;
  /** The panel takes the height that is left, and what is in it scrolls by itself. */
  fill?: boolean;
  /** The asset whose page it is: the tabs that every asset has follow its own. */
  asset?: IAssetRef;
}

/** The tabs that other capabilities add to the page of an asset. */
function useAdded(asset: IAssetRef | undefined): ReadonlyArray<IAssetTab> {
  const { assets } = useHost();
  const subscribe = React.useCallback(
    (notify: () => void) => {
      assets.changed.connect(notify);
      return () => void assets.changed.disconnect(notify);
    },
    [assets]
  );
  const tabs = React.useSyncExternalStore(subscribe, () => assets.tabs);
  return asset ? tabs : [];
}

/** Tabs, with the arrow keys going from one to the next. */
export function Tabs<K extends string>(props: ITabsProps<K>): JSX.Element {
  const { asset } = props;
  const base = React.useId();
  const added = useAdded(asset);
  const [elsewhere, setElsewhere] = React.useState<string | null>(null);
  const chosen = added.find(({ id }) => id === elsewhere);
  const tabs: ReadonlyArray<ITab<string>> = [...props.tabs, ...added];
  const current = chosen?.id ?? props.current;
  const onSelect = (id: string) => {
    const own = props.tabs.find(tab => tab.id === id);
    setElsewhere(own ? null : id);
    if (own) {
      props.onSelect(own.id);
    }
  };
  const bar = React.useRef<HTMLDivElement>(null);
  const onKeyDown = (event: React.KeyboardEvent) => {
    const here = tabs.findIndex(tab => tab.id === current);
    const goals: Readonly<Record<string, number>> = {
      ArrowRight: (here + 1) % tabs.length,
      ArrowLeft: (here - 1 + tabs.length) % tabs.length,
      Home: 0,
      End: tabs.length - 1
    };
    const goal = goals[event.key];
    if (goal !== undefined) {
      event.preventDefault();
      event.stopPropagation();
      onSelect(tabs[goal].id);
      bar.current?.querySelectorAll<HTMLElement>('[role="tab"]')[goal]?.focus();
    }
  };
  return (
    <div className={`jp-Insighter-Tabs${props.fill ? ' jp-mod-fill' : ''}`}>
      <div className="jp-Insighter-Tabs-bar">
        <div role="tablist" aria-label={props.label} ref={bar} onKeyDown={onKeyDown}>
          {tabs.map(tab => (
            <button
              key={tab.id}
              type="button"
              role="tab"
              id={`${base}-${tab.id}`}
              aria-selected={tab.id === current}
              aria-controls={`${base}-panel`}
              tabIndex={tab.id === current ? 0 : -1}
              onClick={() => onSelect(tab.id)}
            >
              {tab.label}
              {typeof tab.count === 'number' && (
                <span className="jp-Insighter-Tabs-count">{formatNumber(tab.count)}</span>
              )}
            </button>
          ))}
        </div>
        {props.extra && !chosen && <div className="jp-Insighter-Tabs-extra">{props.extra}</div>}
      </div>
      <div
        role="tabpanel"
        id={`${base}-panel`}
        aria-labelledby={`${base}-${current}`}
        className="jp-Insighter-Tabs-panel"
      >
        {chosen && asset ? (
          <ErrorBoundary key={chosen.id}>
            <chosen.component asset={asset} />
          </ErrorBoundary>
        ) : (
          props.children
        )}
      </div>
    </div>
  );
}
