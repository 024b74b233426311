import { type Experiment, experiments } from '../api';
import { Resource } from '../pages/resource';
import { RunTableModel } from './table/model';

/** What an experiment's page shows. */
export class ExperimentModel {
  constructor(
    readonly project: string,
    readonly id: string
  ) {
    this.experiment = new Resource(async () => {
      const all = await experiments.list(project);
      return all.find(one => one.id === id) ?? null;
    });
    this.table = new RunTableModel(project, id);
  }

  /** The experiment; null when it is gone. */
  readonly experiment: Resource<Experiment | null>;

  readonly table: RunTableModel;

  async refresh(): Promise<void> {
    await Promise.all([this.experiment.refresh(), this.table.refresh()]);
  }

  dispose(): void {
    this.experiment.dispose();
    this.table.dispose();
  }
}
