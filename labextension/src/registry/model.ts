import { models, type ModelSignature, type RegisteredModel, type RegisteredModelDetail } from '../api';
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

/** What a registered model's page shows and does. */
export class RegisteredModelModel {
  constructor(
    readonly project: string,
    readonly name: string
  ) {
    this.detail = new Resource(() => models.get(project, name));
  }

  readonly detail: Resource<RegisteredModelDetail>;

  signature(version: number): Resource<ModelSignature> {
    return new Resource(() => models.signature(this.project, this.name, version));
  }

  /** Point an alias to a version, away from whichever had it. */
  async setAlias(alias: string, version: number): Promise<void> {
    await models.setAlias(this.project, this.name, alias, version);
    await this.detail.refresh();
  }

  async removeAlias(alias: string): Promise<void> {
    await models.removeAlias(this.project, this.name, alias);
    await this.detail.refresh();
  }

  dispose(): void {
    this.detail.dispose();
  }
}

/** The line that loads a model in a notebook, by an alias where there is one. */
export function loadCode(name: string, version: number | null, aliases: ReadonlyArray<string>): string {
  const which = aliases.length > 0 ? `@${aliases[0]}` : `/${version ?? 1}`;
  return `mlflow.pyfunc.load_model(${JSON.stringify(`models:/${name}${which}`)})`;
}
