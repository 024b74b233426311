import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import { Widget } from '@lumino/widgets';
import * as React from 'react';

import { ErrorNote, formatBytes, useUi } from '../../components';
import { DownloadLink } from '../../pages/page';
import { type IRendered, preview, type Shown } from './preview';

interface IPreviewProps {
  url: string;
  path: string;
  size: number | null;
  rendermime: IRenderMimeRegistry | null;
}

/** A file among the artifacts, as JupyterLab shows what it does not trust. */
export function Preview({ url, path, size, rendermime }: IPreviewProps): JSX.Element {
  const { trans } = useUi();
  const [shown, setShown] = React.useState<Shown | null>(null);
  const [error, setError] = React.useState<unknown>(null);
  const [attempt, setAttempt] = React.useState(0);
  const name = path.split('/').at(-1) ?? path;
  React.useEffect(() => {
    const abort = new AbortController();
    setShown(null);
    setError(null);
    preview(url, name, size, abort.signal).then(
      found => !abort.signal.aborted && setShown(found),
      (reason: unknown) => !abort.signal.aborted && setError(reason)
    );
    return () => abort.abort();
  }, [url, name, size, attempt]);
  return (
    <section className="jp-Insighter-Preview" aria-label={trans.__('Preview of %1', name)}>
      <header className="jp-Insighter-Preview-head">
        <strong title={path}>{name}</strong>
        {size !== null && <span className="jp-Insighter-Quiet">{formatBytes(size)}</span>}
        <DownloadLink href={url}>{trans.__('Download')}</DownloadLink>
      </header>
      {error !== null && <ErrorNote error={error} onRetry={() => setAttempt(attempt + 1)} />}
      {!shown && error === null && <p className="jp-Insighter-Loading">{trans.__('Loading…')}</p>}
      {shown && (
        <div
          className="jp-Insighter-Preview-body"
          tabIndex={0}
          role="region"
          aria-label={name}
          data-as={shown.as}
        >
          <Content shown={shown} name={name} rendermime={rendermime} />
        </div>
      )}
    </section>
  );
}

interface IContentProps {
  shown: Shown;
  name: string;
  rendermime: IRenderMimeRegistry | null;
}

function Content({ shown, name, rendermime }: IContentProps): JSX.Element {
  const { trans } = useUi();
  switch (shown.as) {
    case 'mime':
      return (
        <>
          {shown.items.map((item, index) => (
            <Mime key={index} item={item} rendermime={rendermime} />
          ))}
          {shown.cut && <Cut />}
        </>
      );
    case 'image':
      return <Image blob={shown.blob} name={name} />;
    case 'page':
      return (
        <>
          <p className="jp-Insighter-Quiet">
            {trans.__(
              'Shown without its scripts and without what it loads from elsewhere. Download it to see all of it.'
            )}
          </p>
          {/* an empty sandbox: no scripts, no forms, an origin of its own */}
          <iframe
            className="jp-Insighter-Preview-page"
            title={name}
            sandbox=""
            referrerPolicy="no-referrer"
            srcDoc={POLICY + shown.html}
          />
          {shown.cut && <Cut />}
        </>
      );
    case 'table':
      return (
        <>
          <table className="jp-Insighter-Table">
            <thead>
              <tr>
                {shown.head.map((cell, index) => (
                  <th key={index} scope="col">
                    {cell}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {shown.rows.map((row, index) => (
                <tr key={index}>
                  {row.map((cell, column) => (
                    <td key={column} className={isNumber(cell) ? 'jp-mod-number' : undefined}>
                      {cell}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
          {shown.cut && (
            <p className="jp-Insighter-Quiet">
              {trans.__('The first %1 rows. Download the file for all of them.', shown.rows.length)}
            </p>
          )}
        </>
      );
    case 'text':
      return (
        <>
          <pre className="jp-Insighter-Preview-text">{shown.text}</pre>
          {shown.cut && <Cut />}
        </>
      );
    case 'none':
      return (
        <p className="jp-Insighter-Quiet">
          {shown.why === 'large'
            ? trans.__('Too large to be shown here. Download it to look at it.')
            : trans.__('A file of this kind is not shown here. Download it to look at it.')}
        </p>
      );
  }
}

/** In front of a page among the artifacts: nothing is loaded for it, so that looking at it tells nobody. */
const POLICY =
  '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; font-src data:; ' +
  "style-src 'unsafe-inline'\">";

function Cut(): JSX.Element {
  const { trans } = useUi();
  return <p className="jp-Insighter-Quiet">{trans.__('The beginning. Download the file for all of it.')}</p>;
}

function isNumber(text: string): boolean {
  return text.trim() !== '' && Number.isFinite(Number(text));
}

/** What JupyterLab does not render from text; in an image no script runs. */
function Image({ blob, name }: { blob: Blob; name: string }): JSX.Element {
  const [url, setUrl] = React.useState('');
  React.useEffect(() => {
    const made = URL.createObjectURL(blob);
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [blob]);
  return url ? <img className="jp-Insighter-Preview-image" src={url} alt={name} /> : <></>;
}

/** Types that may be shown though nobody vouches for them; the first that there is is shown. */
function chosen(data: IRendered['data'], rendermime: IRenderMimeRegistry): string | undefined {
  // some renderers say of themselves that they are safe; a PDF is drawn by the browser's own viewer
  return (
    rendermime.preferredMimeType(data as ReadonlyPartialJSONObject, 'ensure') ??
    Object.keys(data).find(type => ['application/pdf', 'text/html', 'image/svg+xml'].includes(type))
  );
}

/** Content by its MIME type through JupyterLab's renderers, sanitised: it is not trusted. */
function Mime({
  item,
  rendermime
}: {
  item: IRendered;
  rendermime: IRenderMimeRegistry | null;
}): JSX.Element {
  const { trans } = useUi();
  const place = React.useRef<HTMLDivElement>(null);
  const [failed, setFailed] = React.useState(false);
  const type = rendermime ? chosen(item.data, rendermime) : undefined;
  // before the node goes: a widget is taken out of a document only while it is in it
  React.useLayoutEffect(() => {
    const node = place.current;
    if (!node || !rendermime || type === undefined || !rendermime.mimeTypes.includes(type)) {
      return;
    }
    const renderer = rendermime.createRenderer(type);
    const model = rendermime.createModel({ data: item.data as ReadonlyPartialJSONObject, trusted: false });
    Widget.attach(renderer, node);
    renderer.renderModel(model).catch((reason: unknown) => {
      console.error('An artifact was not rendered.', reason);
      setFailed(true);
    });
    return () => renderer.dispose();
  }, [item, type, rendermime]);
  const known = rendermime && type !== undefined && rendermime.mimeTypes.includes(type);
  return (
    <div className="jp-Insighter-Preview-item">
      {item.mark && <div className="jp-Insighter-Preview-mark">{item.mark}</div>}
      {known && !failed ? (
        <div ref={place} className="jp-Insighter-Preview-rendered" data-mime={type} />
      ) : (
        <p className="jp-Insighter-Quiet">
          {trans.__('This is not shown here: %1', Object.keys(item.data).join(', '))}
        </p>
      )}
    </div>
  );
}
