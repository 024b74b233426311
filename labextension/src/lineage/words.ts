import type { TranslationBundle } from '@jupyterlab/translation';

import type { LineageImpact, LineageNode } from '../api';
import type { IAssets } from '../assets/tokens';
import type { Condition } from '../components';

/** What a status means: how good it is, and its word. */
export function statusOf(
  node: LineageNode,
  trans: TranslationBundle
): { condition: Condition; word: string } | null {
  if (node.deleted) {
    return { condition: 'off', word: trans.__('deleted') };
  }
  const known: Readonly<Record<string, { condition: Condition; word: string }>> = {
    running: { condition: 'busy', word: trans.__('running') },
    scheduled: { condition: 'off', word: trans.__('scheduled') },
    finished: { condition: 'ok', word: trans.__('finished') },
    failed: { condition: 'error', word: trans.__('failed') },
    killed: { condition: 'warning', word: trans.__('stopped') },
    starting: { condition: 'busy', word: trans.__('starting') },
    healthy: { condition: 'ok', word: trans.__('healthy') },
    stopped: { condition: 'off', word: trans.__('stopped') }
  };
  return known[node.status] ?? null;
}

/** A node's name with its version. */
export function titleOf(node: LineageNode): string {
  return node.version === null ? node.name : `${node.name} v${node.version}`;
}

/** Everything of a node in a line, for those who do not see it. */
export function sentenceOf(node: LineageNode, assets: IAssets, trans: TranslationBundle): string {
  const status = statusOf(node, trans)?.word ?? node.status;
  return [
    `${assets.kind(node.kind)?.label ?? node.kind} ${titleOf(node)}`,
    status,
    node.stale ? trans.__('v%1 is newer', node.newest) : ''
  ]
    .filter(Boolean)
    .join(', ');
}

/** What was done, between what was there and what was made. */
export function verbOf(verb: string, trans: TranslationBundle): string {
  const words: Readonly<Record<string, string>> = {
    read: trans.__('read by'),
    ran: trans.__('ran as'),
    wrote: trans.__('wrote'),
    registered: trans.__('registered as'),
    deployed: trans.__('deployed as'),
    derived: trans.__('made into')
  };
  return words[verb] ?? verb;
}

/** The same in a word, at an edge. */
export function shortVerbOf(verb: string, trans: TranslationBundle): string {
  const words: Readonly<Record<string, string>> = {
    read: trans.__('read'),
    ran: trans.__('ran'),
    wrote: trans.__('wrote'),
    registered: trans.__('registered'),
    deployed: trans.__('deployed'),
    derived: trans.__('derived')
  };
  return words[verb] ?? verb;
}

/** What would break, in words: "2 runs, 1 model"; empty for nothing. */
export function countsOf(impact: LineageImpact, assets: IAssets): string {
  return impact.kinds
    .map(({ kind, count }) => {
      const known = assets.kind(kind);
      const word = (count === 1 ? known?.label : known?.plural) ?? kind;
      return `${count.toLocaleString()} ${word.toLocaleLowerCase()}`;
    })
    .join(', ');
}
