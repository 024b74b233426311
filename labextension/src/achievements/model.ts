import {
  type Achievement,
  type AchievementCreate,
  achievements,
  type Achievements,
  type AchievementUpdate
} from '../api';
import { Resource } from '../pages/resource';

/** What the page of a project's achievements shows and does. */
export class AchievementsModel {
  constructor(readonly project: string) {}

  readonly list = new Resource<Achievements>(() => achievements.list(this.project));

  async create(body: AchievementCreate): Promise<void> {
    await achievements.create(this.project, body);
    await this.list.refresh();
  }

  async update(id: string, body: AchievementUpdate): Promise<void> {
    await achievements.update(this.project, id, body);
    await this.list.refresh();
  }

  async remove(id: string): Promise<void> {
    await achievements.remove(this.project, id);
    await this.list.refresh();
  }

  dispose(): void {
    this.list.dispose();
  }
}

type Rule = Achievement['rule'];

/** What happens to a kind of asset, as the activity's verbs have it. */
export const VERBS: Readonly<Record<string, ReadonlyArray<string>>> = {
  dataset: ['created', 'updated'],
  experiment: ['created'],
  run: ['finished', 'started', 'failed'],
  model: ['registered', 'created', 'aliased'],
  deployment: ['healthy', 'deployed', 'failed'],
  member: ['joined', 'added']
};

/** A rule as its form has it: what is not of its kind waits there for the kind to be chosen again. */
export interface IRuleFields {
  readonly kind: 'count' | 'metric' | 'streak' | 'recovered' | 'json';
  readonly asset: string;
  readonly verb: string;
  readonly goal: string;
  readonly distinct: 'event' | 'asset' | 'day';
  readonly metric: string;
  readonly op: string;
  readonly target: string;
  readonly days: string;
  readonly json: string;
}

export const EMPTY: IRuleFields = {
  kind: 'count',
  asset: 'dataset',
  verb: 'created',
  goal: '10',
  distinct: 'event',
  metric: 'auc',
  op: '>=',
  target: '0.9',
  days: '30',
  json: '{"count": {"asset_kind": "run", "verb": "finished"}, "at_least": 10}'
};

const STREAK = { asset_kind: ['deployment'], from: ['healthy'], until: ['failed', 'stopped', 'deleted'] };
const RECOVERED = { asset_kind: ['deployment'], failed: ['failed'], well: ['healthy'] };

/**
 * The rule of a form.
 *
 * @throws SyntaxError when it is written as JSON and is none.
 */
export function toRule(fields: IRuleFields): Rule {
  const at_least = Number(fields.goal);
  switch (fields.kind) {
    case 'count':
      return {
        count: { asset_kind: [fields.asset], verb: [fields.verb] },
        at_least,
        distinct: fields.distinct
      };
    case 'metric':
      return { metric: { key: [fields.metric.trim()], op: fields.op, value: Number(fields.target) } };
    case 'streak':
      return { streak: { ...STREAK, days: Number(fields.days) } };
    case 'recovered':
      return { recovered: RECOVERED, at_least, distinct: fields.distinct };
    case 'json': {
      const parsed: unknown = JSON.parse(fields.json);
      if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
        throw new SyntaxError('{ … }');
      }
      return parsed as Rule;
    }
  }
}

/** A rule in its form; as JSON where the form has no fields for all of it. */
export function fromRule(rule: Rule): IRuleFields {
  const json = JSON.stringify(rule, null, 2);
  const { count, metric, streak, recovered, at_least, distinct } = rule as IKnownRule;
  const goal = String(at_least ?? 1);
  const each = distinct ?? 'event';
  const guesses: Partial<IRuleFields>[] = [
    { kind: 'count', asset: count?.asset_kind?.[0], verb: count?.verb?.[0], goal, distinct: each },
    { kind: 'metric', metric: metric?.key?.[0], op: metric?.op, target: String(metric?.value) },
    { kind: 'streak', days: String(streak?.days) },
    { kind: 'recovered', goal, distinct: each }
  ];
  const bodies = [count, metric, streak, recovered];
  const guess = guesses.find((_one, index) => bodies[index] !== undefined);
  const fields: IRuleFields = { ...EMPTY, ...guess, json };
  const known = fields.kind !== 'count' || VERBS[fields.asset]?.includes(fields.verb);
  // what was left out would be lost by saving
  const whole = known && sameRule({ at_least: 1, distinct: 'event', ...toRule(fields) }, rule);
  return whole ? fields : { ...EMPTY, kind: 'json', json };
}

interface IKnownRule {
  readonly count?: { readonly asset_kind?: string[]; readonly verb?: string[] };
  readonly metric?: { readonly key?: string[]; readonly op?: string; readonly value?: number };
  readonly streak?: { readonly days?: number };
  readonly recovered?: object;
  readonly at_least?: number;
  readonly distinct?: IRuleFields['distinct'];
}

/** Whether two rules say the same, in whatever order. */
function sameRule(one: unknown, other: unknown): boolean {
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) {
    return one === other;
  }
  const keys = Object.keys(one);
  return (
    keys.length === Object.keys(other).length &&
    keys.every(key => sameRule(Reflect.get(one, key) as unknown, Reflect.get(other, key) as unknown))
  );
}
