import {
  models,
  type AliasBoard,
  type AliasMove,
  type AliasRequest,
  type CardRevision,
  type ModelCard,
  type PutAliasRule,
  type RegisteredModel,
  type RegisteredModelDetail,
  type VersionComparison,
  type VersionDetail
} from '../api';
import { Resource } from '../pages/resource';

/** A project's registered models, by name. */
export function modelList(project: string): Resource<RegisteredModel[]> {
  return new Resource(() => models.list(project));
}

/** The names of a project's registered models. */
export async function modelNames(project: string): Promise<string[]> {
  return (await models.list(project)).map(({ name }) => name);
}

/** Move a registered model with all its versions to the trash. */
export function deleteModel(project: string, name: string): Promise<void> {
  return models.remove(project, name);
}

/** The newest moves of aliases, and how to have older ones. */
export interface IMoves {
  readonly items: ReadonlyArray<AliasMove>;
  readonly cursor: string | null;
}

/** What a registered model's page shows and does. */
export class RegisteredModelModel {
  constructor(
    readonly project: string,
    readonly name: string
  ) {
    this.detail = new Resource(() => models.get(project, name));
    this.board = new Resource(() => models.aliases(project, name));
  }

  readonly detail: Resource<RegisteredModelDetail>;
  readonly board: Resource<AliasBoard>;

  /** Ask for all that is shown again. */
  async refresh(): Promise<void> {
    await Promise.all([this.detail.refresh(), this.board.refresh()]);
  }

  version(number: number): Resource<VersionDetail> {
    return new Resource(() => models.detail(this.project, this.name, number));
  }

  comparison(left: number, right: number): Resource<VersionComparison> {
    return new Resource(() => models.compare(this.project, this.name, left, right));
  }

  moves(): Resource<IMoves> {
    return new Resource<IMoves>(() => models.aliasMoves(this.project, this.name));
  }

  olderMoves(cursor: string): Promise<IMoves> {
    return models.aliasMoves(this.project, this.name, cursor);
  }

  card(version: number | null): Resource<ModelCard> {
    return new Resource(() => models.card(this.project, this.name, version));
  }

  cardHistory(version: number | null): Resource<CardRevision[]> {
    return new Resource(() => models.cardHistory(this.project, this.name, version));
  }

  writeCard(version: number | null, text: string, revision: number): Promise<ModelCard> {
    return models.writeCard(this.project, this.name, version, text, revision);
  }

  check(alias: string, version: number | null): ReturnType<typeof models.checkAlias> {
    return models.checkAlias(this.project, this.name, alias, version);
  }

  /** Point an alias to a version, away from whichever had it; null takes it off. */
  async move(alias: string, version: number | null, why: string): Promise<void> {
    if (version === null) {
      await models.removeAlias(this.project, this.name, alias, why);
    } else {
      await models.setAlias(this.project, this.name, alias, version, why);
    }
    await this.refresh();
  }

  async request(alias: string, version: number | null, why: string): Promise<void> {
    await models.requestAlias(this.project, this.name, alias, version, why);
    await this.board.refresh();
  }

  async decide(
    request: AliasRequest,
    decision: 'approve' | 'reject' | 'withdraw',
    why: string
  ): Promise<AliasRequest> {
    try {
      return await models.decideAlias(this.project, this.name, request.id, decision, why);
    } finally {
      // refused or not, it may not be any more what is shown
      await this.refresh();
    }
  }

  async protect(rule: PutAliasRule): Promise<void> {
    await models.protectAlias(this.project, rule);
    await this.board.refresh();
  }

  async unprotect(id: string): Promise<void> {
    await models.unprotectAlias(this.project, id);
    await this.board.refresh();
  }

  dispose(): void {
    this.detail.dispose();
    this.board.dispose();
  }
}

/** The line that loads a model in a notebook, by an alias where there is one. */
export function loadCode(name: string, version: number | null, aliases: ReadonlyArray<string>): string {
  const which = aliases.length > 0 ? `@${aliases[0]}` : `/${version ?? 1}`;
  return `mlflow.pyfunc.load_model(${JSON.stringify(`models:/${name}${which}`)})`;
}
