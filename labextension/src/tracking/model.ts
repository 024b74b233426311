import {
  ApiError,
  type ArtifactFile,
  datasets,
  type Experiment,
  experiments,
  type Metric,
  models,
  type ModelVersion,
  notebooks,
  type Run,
  type RunDetail,
  type RunNotebook,
  runs,
  trash
} from '../api';
import { Resource } from '../pages/resource';

/** How often what runs is looked at again, in milliseconds. */
const LIVE = 2000;

/** The tag that MLflow keeps a run's notes in. */
export const NOTE = 'mlflow.note.content';

/** Whether a tag is one that programs set for themselves. */
export function isSystemTag(key: string): boolean {
  return /^(mlflow|insighter)\./.test(key);
}

/** A project's experiments, last used first. */
export function experimentList(project: string): Resource<Experiment[]> {
  return new Resource(() => experiments.list(project));
}

/** A project's experiments, once. */
export function allExperiments(project: string): Promise<Experiment[]> {
  return experiments.list(project);
}

/** What a run's page shows. */
export class RunModel {
  constructor(
    readonly project: string,
    readonly id: string
  ) {
    this.detail = new Resource(
      () => experiments.run(project, id),
      ({ status }) => (status === 'RUNNING' ? LIVE : null)
    );
  }

  readonly detail: Resource<RunDetail>;

  /** Change name, notes or tags, and show what it became. */
  async edit(change: Parameters<typeof runs.edit>[2]): Promise<void> {
    this.detail.set(await runs.edit(this.project, this.id, change));
  }

  /** The notebook that made the run; null where none did. */
  notebook(): Resource<RunNotebook | null> {
    return new Resource(() => notebooks.ofRun(this.project, this.id));
  }

  /** Where what the run read and made is found in the project now. */
  links(run: RunDetail): Resource<ILinks> {
    return new Resource<ILinks>(async () => {
      const [inputs, versions] = await Promise.all([
        Promise.all(run.inputs.map(input => this._dataset(input))),
        run.models.length > 0 ? this._versions() : []
      ]);
      return { inputs, versions };
    });
  }

  artifacts(folder: string): Resource<ArtifactFile[]> {
    return new Resource(() => experiments.artifacts(this.project, this.id, folder));
  }

  dispose(): void {
    this.detail.dispose();
  }

  /** The version whose content has an input's digest; null where the project has none. */
  private async _dataset({ name, digest }: RunDetail['inputs'][number]): Promise<number | null> {
    try {
      const { history } = await datasets.get(this.project, name);
      return history.find(({ sha256 }) => sha256.startsWith(digest))?.version ?? null;
    } catch (reason) {
      if (reason instanceof ApiError && [400, 404].includes(reason.status)) {
        return null; // deleted meanwhile, or never one of the project's
      }
      throw reason;
    }
  }

  private async _versions(): Promise<ModelVersion[]> {
    const names = await modelNames(this.project);
    const details = await Promise.all(names.map(name => models.get(this.project, name)));
    return details.flatMap(({ history }) => history).filter(({ run_id }) => run_id === this.id);
  }
}

/** What a run's inputs and models are in the project. */
export interface ILinks {
  /** For each input the dataset's version; null where it is none of the project's. */
  inputs: ReadonlyArray<number | null>;
  /** What was registered from the run. */
  versions: ReadonlyArray<ModelVersion>;
}

/** All metrics that runs have, by name; what their machine was doing comes last. */
export function metricKeys(runs: ReadonlyArray<{ metrics: ReadonlyArray<Pick<Metric, 'key'>> }>): string[] {
  const system = (key: string) => Number(key.startsWith('system/'));
  return [...new Set(runs.flatMap(({ metrics }) => metrics.map(({ key }) => key)))].sort(
    (a, b) => system(a) - system(b) || a.localeCompare(b, undefined, { numeric: true })
  );
}

/** Milliseconds a run took, or has taken until now; null before it started. */
export function duration(run: Pick<Run, 'started_at' | 'ended_at'>): number | null {
  if (run.started_at === null) {
    return null;
  }
  const end = run.ended_at === null ? Date.now() : Date.parse(run.ended_at);
  return Math.max(0, end - Date.parse(run.started_at));
}

/** The names of a project's registered models. */
export async function modelNames(project: string): Promise<string[]> {
  return (await models.list(project)).map(({ name }) => name);
}

/** The ids of the models that a run logged. */
export async function loggedModels(project: string, run: string): Promise<string[]> {
  return (await experiments.run(project, run)).models;
}

/** Register a model that a run logged, as the next version of a name. */
export function registerModel(project: string, name: string, logged: string): Promise<ModelVersion> {
  return models.register(project, { name, model_id: logged });
}

/** Move a run to the trash. */
export function deleteRun(project: string, id: string): Promise<void> {
  return runs.remove(project, id);
}

/** Take a run out of the trash. */
export async function restoreRun(project: string, id: string): Promise<void> {
  await trash.restore(project, { kind: 'run', id });
}

/** Where a file among a run's artifacts is downloaded from; null when they are kept elsewhere. */
export function artifactUrl(artifactUri: string, path: string): string | null {
  return experiments.artifactUrl(artifactUri, path);
}
