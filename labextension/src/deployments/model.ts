import {
  type Deployment,
  deployments,
  models,
  type ModelSignature,
  type RegisteredModel,
  type RegisteredModelDetail
} from '../api';
import { Resource } from '../pages/resource';

/** How often an endpoint that starts is looked at, in milliseconds. */
const WATCH = 1000;

/** A project's endpoints, by name, watched while one of them starts. */
export function deploymentList(project: string): Resource<Deployment[]> {
  return new Resource(
    () => deployments.list(project),
    all => (all.some(({ status }) => status === 'starting') ? WATCH : null)
  );
}

/** The names of a project's endpoints. */
export async function deploymentNames(project: string): Promise<string[]> {
  return (await deployments.list(project)).map(({ name }) => name);
}

/** The models that can be deployed: those with a version. */
export async function deployableModels(project: string): Promise<RegisteredModel[]> {
  return (await models.list(project)).filter(({ latest }) => latest !== null);
}

/** A registered model with its versions. */
export function versionsOf(project: string, name: string): Resource<RegisteredModelDetail> {
  return new Resource(() => models.get(project, name));
}

/** Deploy a model version under a name. */
export function deploy(project: string, name: string, model: string, version: number): Promise<Deployment> {
  return deployments.create(project, { name, model, version });
}

/** Start, stop, or stop and forget an endpoint. */
export async function act(project: string, name: string, action: 'start' | 'stop' | 'remove'): Promise<void> {
  await deployments[action](project, name);
}

/** The whole address that takes rows. */
export function address(deployment: Deployment): string {
  return deployments.invocationsUrl(deployment);
}

/** The whole address of an endpoint, by its name. */
export async function addressOf(project: string, name: string): Promise<string> {
  return deployments.invocationsUrl(await deployments.get(project, name));
}

/** What an endpoint answered, and after how many milliseconds. */
export interface IAnswer {
  readonly body: unknown;
  readonly milliseconds: number;
}

/** What an endpoint's page shows and does. */
export class DeploymentModel {
  constructor(
    readonly project: string,
    readonly name: string
  ) {
    this.detail = new Resource(
      () => deployments.get(project, name),
      ({ status }) => (status === 'starting' ? WATCH : null)
    );
  }

  readonly detail: Resource<Deployment>;

  signature({ model, version }: Deployment): Resource<ModelSignature> {
    return new Resource(() => models.signature(this.project, model, version));
  }

  async start(): Promise<void> {
    await deployments.start(this.project, this.name);
    await this.detail.refresh();
  }

  async stop(): Promise<void> {
    await deployments.stop(this.project, this.name);
    await this.detail.refresh();
  }

  /** Send rows as JSON; the time is the whole way, as a caller sees it. */
  async invoke(deployment: Deployment, body: string): Promise<IAnswer> {
    const begun = performance.now();
    const answer = await deployments.invoke(deployment, body);
    return { body: answer, milliseconds: performance.now() - begun };
  }

  dispose(): void {
    this.detail.dispose();
  }
}

/** A name an endpoint may have, from a model's: lower-case letters, digits and dashes; numbered where it is taken. */
export function endpointName(model: string, taken: ReadonlyArray<string> = []): string {
  const name = model
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 63)
    .replace(/^-+|-+$/g, '');
  let free = name;
  for (let number = 2; taken.includes(free); number++) {
    free = `${name.slice(0, 59)}-${number}`;
  }
  return free;
}
