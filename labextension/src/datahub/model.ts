import { datasets, type Dataset, type DatasetDetail, type DatasetVersion } from '../api';
import { Resource } from '../pages/resource';
import { DatasetRows } from './rows';

/** What a dataset's page shows. */
export class DatasetModel {
  constructor(
    readonly project: string,
    readonly name: string
  ) {
    this.detail = new Resource(() => datasets.get(project, name));
  }

  readonly detail: Resource<DatasetDetail>;

  /** The rows of a version; the same object while the version is the same, for a version never changes. */
  rows(version: DatasetVersion): DatasetRows {
    // a dataset that was deleted and made again starts over with version 1, hence the content's hash
    const key = `${version.version}:${version.sha256}`;
    if (this._rows?.key !== key) {
      this._rows?.rows.dispose();
      const rows = new DatasetRows(version.columns, version.rows, (offset, limit) =>
        datasets.preview(this.project, this.name, version.version, { offset, limit })
      );
      this._rows = { key, rows };
    }
    return this._rows.rows;
  }

  dispose(): void {
    this.detail.dispose();
    this._rows?.rows.dispose();
  }

  private _rows: { key: string; rows: DatasetRows } | null = null;
}

/** The line that loads a dataset in a notebook; an old version by its number. */
export function loadCode(name: string, version: number | null): string {
  const quoted = JSON.stringify(name);
  return version === null ? `ix.datasets.load(${quoted})` : `ix.datasets.load(${quoted}, version=${version})`;
}

/** A project's datasets, by name. */
export function datasetList(project: string): Resource<Dataset[]> {
  return new Resource(() => datasets.list(project));
}

/** The number of the newest version of each dataset of a project, by name in lower case: names differ by more. */
export async function newestVersions(project: string): Promise<ReadonlyMap<string, number>> {
  const all = await datasets.list(project);
  return new Map(all.map(({ name, latest }) => [name.toLowerCase(), latest.version]));
}

/** The names of a project's datasets. */
export async function datasetNames(project: string): Promise<string[]> {
  return (await datasets.list(project)).map(({ name }) => name);
}

/** Move a dataset with all its versions to the trash. */
export function deleteDataset(project: string, name: string): Promise<void> {
  return datasets.remove(project, name);
}

/** Where a version is downloaded from. */
export function downloadUrl(
  project: string,
  name: string,
  version: number,
  format: 'original' | 'parquet'
): string {
  return datasets.contentUrl(project, name, version, format);
}
