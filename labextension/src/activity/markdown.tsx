import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { Widget } from '@lumino/widgets';
import * as React from 'react';

import type { Somebody } from '../api';

const MARKDOWN = 'text/markdown';

/** A comment's text, rendered as a cell of text is, of somebody who is not trusted: scripts stay text. */
export function Markdown(props: {
  text: string;
  mentions: ReadonlyArray<Somebody>;
  rendermime: IRenderMimeRegistry | null;
}): JSX.Element {
  const { text, mentions, rendermime } = props;
  const place = React.useRef<HTMLDivElement>(null);
  const known = JSON.stringify(mentions);
  // Of the layout: its end comes while the node is still on the page, where Lumino wants to take it from.
  React.useLayoutEffect(() => {
    if (!place.current || !rendermime) {
      return;
    }
    const renderer = rendermime.createRenderer(MARKDOWN);
    const model = rendermime.createModel({ data: { [MARKDOWN]: text }, trusted: false });
    Widget.attach(renderer, place.current);
    let there = true;
    renderer.renderModel(model).then(
      () => there && nameMentions(renderer.node, JSON.parse(known) as Somebody[]),
      (reason: unknown) => console.error('A comment could not be rendered.', reason)
    );
    return () => {
      there = false;
      renderer.dispose();
    };
  }, [text, known, rendermime]);
  return (
    <div ref={place} className="jp-Insighter-Comment-body">
      {rendermime ? null : text}
    </div>
  );
}

/** What Markdown made a link to a person's id becomes the person's name, as it is now. */
function nameMentions(node: HTMLElement, mentions: ReadonlyArray<Somebody>): void {
  for (const link of node.querySelectorAll('a')) {
    const found = mentions.find(({ user_id }) => link.getAttribute('href') === user_id);
    const before = link.previousSibling;
    if (found && before instanceof Text && before.data.endsWith('@')) {
      before.data = before.data.slice(0, -1);
      const name = document.createElement('span');
      name.className = 'jp-Insighter-Mention';
      name.textContent = `@${found.display_name}`;
      link.replaceWith(name);
    }
  }
}
