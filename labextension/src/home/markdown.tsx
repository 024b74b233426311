import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { Widget } from '@lumino/widgets';
import * as React from 'react';

const MARKDOWN = 'text/markdown';

/** Markdown as JupyterLab renders what it does not trust: sanitised, without scripts. As plain text where nothing renders it. */
export function Markdown(props: { text: string; rendermime: IRenderMimeRegistry | null }): JSX.Element {
  const { text, rendermime } = props;
  const place = React.useRef<HTMLDivElement>(null);
  // before the node goes: a widget is taken out of a document only while it is in it
  React.useLayoutEffect(() => {
    const node = place.current;
    if (!node || !rendermime) {
      return;
    }
    const renderer = rendermime.createRenderer(MARKDOWN);
    const model = rendermime.createModel({ data: { [MARKDOWN]: text }, trusted: false });
    Widget.attach(renderer, node);
    renderer
      .renderModel(model)
      .catch((reason: unknown) => console.error('Markdown was not rendered.', reason));
    return () => renderer.dispose();
  }, [text, rendermime]);
  return rendermime ? (
    <div ref={place} className="jp-Insighter-Markdown" />
  ) : (
    <p className="jp-Insighter-Description">{text}</p>
  );
}
