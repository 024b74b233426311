import type { TranslationBundle } from '@jupyterlab/translation';

import type { Message } from '../api';

/** What an event is told in: who did it, what to (and how it is called), and a fact of it. */
type Part = { readonly text: string } | { readonly slot: 'who' | 'what' | 'fact' };

type Say = (trans: TranslationBundle, who: string, what: string, fact: string) => string;

/**
 * A sentence for each kind of asset and verb that the database writes; a test reads the migrations for them. %1 is who did
 * it, %2 what it was done to, %3 the fact named behind it.
 */
const SENTENCES: Readonly<Record<string, readonly [Say, fact?: string]>> = {
  'project.created': [(t, ...a) => t.__('%1 created the project %2', ...a)],
  'project.renamed': [(t, ...a) => t.__('%1 renamed the project %3 to %2', ...a), 'before'],
  'project.described': [(t, ...a) => t.__('%1 described the project %2', ...a)],
  'project.archived': [(t, ...a) => t.__('%1 archived the project %2', ...a)],
  'project.restored': [(t, ...a) => t.__('%1 restored the project %2', ...a)],
  'project.deleted': [(t, ...a) => t.__('%1 moved the project %2 to the trash', ...a)],
  'project.shared': [(t, ...a) => t.__('%1 made the project %2 %3', ...a), 'after'],
  'project.exported': [(t, ...a) => t.__('%1 exported the project %2', ...a)],
  'project.imported': [(t, ...a) => t.__('%1 imported the project %2', ...a)],
  'project.protected': [(t, ...a) => t.__('%1 said who may move %3 of all models', ...a), 'alias'],
  'project.unprotected': [(t, ...a) => t.__('%1 took the protection off %3 of all models', ...a), 'alias'],

  'member.added': [(t, ...a) => t.__('%1 added %2 as %3', ...a), 'after'],
  'member.joined': [(t, ...a) => t.__('%2 joined as %3', ...a), 'after'],
  'member.changed': [(t, ...a) => t.__('%1 made %2 %3', ...a), 'after'],
  'member.removed': [(t, ...a) => t.__('%1 removed %2', ...a)],
  'member.narrowed': [(t, ...a) => t.__('%1 limited what %2 sees', ...a)],
  'member.left': [(t, ...a) => t.__('%2 left', ...a)],
  'member.transferred': [(t, ...a) => t.__('%1 made %2 the owner', ...a)],

  'dataset.created': [(t, ...a) => t.__('%1 added the dataset %2', ...a)],
  'dataset.updated': [(t, ...a) => t.__('%1 added v%3 of the dataset %2', ...a), 'version'],
  'dataset.deleted': [(t, ...a) => t.__('%1 deleted the dataset %2', ...a)],
  'dataset.restored': [(t, ...a) => t.__('%1 restored the dataset %2', ...a)],
  'dataset.renamed': [(t, ...a) => t.__('%1 renamed the dataset %3 to %2', ...a), 'before'],
  'dataset.described': [(t, ...a) => t.__('%1 described the dataset %2', ...a)],

  'notebook.created': [(t, ...a) => t.__('%1 added the notebook %2', ...a)],
  'notebook.updated': [(t, ...a) => t.__('%1 changed the notebook %2', ...a)],
  'notebook.ran': [(t, ...a) => t.__('%1 ran the notebook %2', ...a)],
  'notebook.moved': [(t, ...a) => t.__('%1 moved the notebook %2', ...a)],
  'notebook.renamed': [(t, ...a) => t.__('%1 renamed the notebook %3 to %2', ...a), 'before'],
  'notebook.restored': [(t, ...a) => t.__('%1 restored the notebook %2', ...a)],
  'notebook.deleted': [(t, ...a) => t.__('%1 deleted the notebook %2', ...a)],

  'experiment.created': [(t, ...a) => t.__('%1 created the experiment %2', ...a)],
  'experiment.renamed': [(t, ...a) => t.__('%1 renamed the experiment %3 to %2', ...a), 'before'],
  'experiment.deleted': [(t, ...a) => t.__('%1 deleted the experiment %2', ...a)],
  'experiment.restored': [(t, ...a) => t.__('%1 restored the experiment %2', ...a)],
  'experiment.runs_tagged': [(t, ...a) => t.__('%1 changed tags of runs in %2: %3', ...a), 'count'],
  'experiment.runs_deleted': [(t, ...a) => t.__('%1 deleted runs of %2: %3', ...a), 'count'],
  'experiment.runs_restored': [(t, ...a) => t.__('%1 restored runs of %2: %3', ...a), 'count'],

  'run.started': [(t, ...a) => t.__('%1 started the run %2 in %3', ...a), 'experiment'],
  'run.finished': [(t, ...a) => t.__('%1’s run %2 finished', ...a)],
  'run.failed': [(t, ...a) => t.__('%1’s run %2 failed', ...a)],
  'run.stopped': [(t, ...a) => t.__('%1 stopped the run %2', ...a)],
  'run.resumed': [(t, ...a) => t.__('%1 resumed the run %2', ...a)],
  'run.scheduled': [(t, ...a) => t.__('%1 scheduled the run %2', ...a)],
  'run.deleted': [(t, ...a) => t.__('%1 deleted the run %2', ...a)],
  'run.restored': [(t, ...a) => t.__('%1 restored the run %2', ...a)],

  'model.created': [(t, ...a) => t.__('%1 created the model %2', ...a)],
  'model.registered': [(t, ...a) => t.__('%1 registered %2', ...a)],
  'model.renamed': [(t, ...a) => t.__('%1 renamed the model %3 to %2', ...a), 'before'],
  'model.deleted': [(t, ...a) => t.__('%1 deleted the model %2', ...a)],
  'model.restored': [(t, ...a) => t.__('%1 restored the model %2', ...a)],
  'model.aliased': [(t, ...a) => t.__('%1 set %2 to v%3', ...a), 'version'],
  'model.unaliased': [(t, ...a) => t.__('%1 removed the alias %2', ...a)],
  'model.asked': [(t, ...a) => t.__('%1 asked for a move of %2', ...a)],
  'model.approved': [(t, ...a) => t.__('%1 approved the move of %2', ...a)],
  'model.rejected': [(t, ...a) => t.__('%1 rejected the move of %2', ...a)],
  'model.withdrawn': [(t, ...a) => t.__('%1 withdrew the move of %2', ...a)],
  'model.protected': [(t, ...a) => t.__('%1 said who may move %2', ...a)],
  'model.unprotected': [(t, ...a) => t.__('%1 took the protection off %2', ...a)],
  'model.described': [(t, ...a) => t.__('%1 wrote the card of %2', ...a)],

  'deployment.deployed': [(t, ...a) => t.__('%1 deployed %3 as %2', ...a), 'model'],
  'deployment.started': [(t, ...a) => t.__('%1 started the endpoint %2', ...a)],
  'deployment.stopped': [(t, ...a) => t.__('the endpoint %2 was stopped', ...a)],
  'deployment.healthy': [(t, ...a) => t.__('the endpoint %2 is healthy', ...a)],
  'deployment.failed': [(t, ...a) => t.__('the endpoint %2 failed', ...a)],
  'deployment.deleted': [(t, ...a) => t.__('%1 deleted the endpoint %2', ...a)],
  'deployment.restored': [(t, ...a) => t.__('%1 restored the endpoint %2', ...a)]
};

/** What is done to assets of every kind. */
const ANY: Readonly<Record<string, readonly [Say, fact?: string]>> = {
  restricted: [(t, ...a) => t.__('%1 closed %2 to all below %3', ...a), 'min_role'],
  unrestricted: [(t, ...a) => t.__('%1 opened %2 to the whole project', ...a)],
  pinned: [(t, ...a) => t.__('%1 pinned %2', ...a)],
  unpinned: [(t, ...a) => t.__('%1 unpinned %2', ...a)],
  commented: [(t, ...a) => t.__('%1 commented on %2', ...a)],
  comment_edited: [(t, ...a) => t.__('%1 edited a comment on %2', ...a)],
  comment_deleted: [(t, ...a) => t.__('%1 deleted a comment on %2', ...a)],
  comment_restored: [(t, ...a) => t.__('%1 brought back a comment on %2', ...a)],
  earned: [(t, ...a) => t.__('%1 earned %2', ...a)]
};

/** What nobody did alone. */
const TOGETHER: Say = (t, ...a) => t.__('The team earned %2', ...a);

/** What no sentence is there for: another release of the server may tell it. */
const OTHER: Say = (t, ...a) => t.__('%1: %2 was %3', ...a);

/** What happened, as the server tells it. */
export interface IEvent {
  readonly verb: string;
  readonly kind: string;
  /** How the asset was called. */
  readonly name: string;
  /** How addresses name it now; null when it is gone or closed. */
  readonly key: string | null;
  readonly data: Readonly<Record<string, unknown>>;
}

/** A message of the topic "activity" as an event. */
export function eventOf(message: Message): IEvent {
  const data = (message.data ?? {}) as Readonly<Record<string, unknown>>;
  return {
    verb: factText(data['verb']),
    kind: factText(data['asset_kind']),
    name: factText(data['asset_name']),
    key: typeof data['asset_key'] === 'string' ? data['asset_key'] : null,
    data
  };
}

// What stands in the translated text until it is taken apart; characters for private use, which no translation has.
const WHO = '\uE001';
const WHAT = '\uE002';
const FACT = '\uE003';

const SLOTS: Readonly<Record<string, Part>> = {
  [WHO]: { slot: 'who' },
  [WHAT]: { slot: 'what' },
  [FACT]: { slot: 'fact' }
};

/** The parts of an event's sentence in the language's order, and the fact it names. */
export function sentence(event: IEvent, trans: TranslationBundle): { parts: Part[]; fact: string } {
  const { kind, verb, data } = event;
  const known = SENTENCES[`${kind}.${verb}`] ?? ANY[verb];
  const together = verb === 'earned' && data['audience'] === 'project';
  const [say, fact] = together ? [TOGETHER] : (known ?? [OTHER, null]);
  const text = say(trans, WHO, WHAT, FACT);
  const parts = text
    .split(/([\uE001-\uE003])/)
    .filter(piece => piece !== '')
    .map(piece => SLOTS[piece] ?? { text: piece });
  return { parts, fact: fact === null ? verb : factText(fact === undefined ? '' : data[fact]) };
}

/** An event's sentence as text. */
export function plainSentence(event: IEvent, who: string, trans: TranslationBundle): string {
  const { parts, fact } = sentence(event, trans);
  const filled = { who, what: event.name, fact };
  return parts.map(part => ('text' in part ? part.text : filled[part.slot])).join('');
}

function factText(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}
