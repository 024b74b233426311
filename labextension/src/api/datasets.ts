import { apiUrl, call, everything, upload as sendFile, type IPage, type IUploadOptions } from './client';
import type { components } from './generated';

type Schemas = components['schemas'];

export type Column = Schemas['Column'];
export type Dataset = Schemas['Dataset'];
export type DatasetDetail = Schemas['DatasetDetail'];
export type DatasetVersion = Schemas['DatasetVersion'];
export type Preview = Schemas['Preview'];
export type Uploaded = Schemas['Uploaded'];

/** A project's datasets, by name. */
export function list(projectId: string): Promise<Dataset[]> {
  return everything<Dataset>((cursor): Promise<IPage<Dataset>> =>
    call('get', '/projects/{project_id}/datasets', { path: { project_id: projectId }, query: { cursor } })
  );
}

/** A dataset with all its versions, newest first. */
export function get(projectId: string, name: string, signal?: AbortSignal): Promise<DatasetDetail> {
  return call('get', '/projects/{project_id}/datasets/{name}', {
    path: { project_id: projectId, name },
    signal
  });
}

/** Move a dataset with all its versions to the trash. */
export function remove(projectId: string, name: string): Promise<void> {
  return call('delete', '/projects/{project_id}/datasets/{name}', { path: { project_id: projectId, name } });
}

/** Some rows of a version. */
export function preview(
  projectId: string,
  name: string,
  version: number,
  rows: { offset?: number; limit?: number } = {},
  signal?: AbortSignal
): Promise<Preview> {
  return call('get', '/projects/{project_id}/datasets/{name}/versions/{version}/preview', {
    path: { project_id: projectId, name, version },
    query: rows,
    signal
  });
}

/** Upload a file (CSV, JSON or Parquet, told by its content) as the next version of a dataset, new or old. */
export async function upload(
  projectId: string,
  name: string,
  file: File,
  options: IUploadOptions = {}
): Promise<Uploaded> {
  const url = apiUrl(
    '/projects/{project_id}/datasets/{name}/versions',
    { project_id: projectId, name },
    { filename: file.name }
  );
  return (await sendFile(url, file, options)) as Uploaded;
}

/** Where a version is downloaded from, as it was uploaded or as Parquet; for a link. */
export function contentUrl(
  projectId: string,
  name: string,
  version: number,
  format: 'original' | 'parquet' = 'original'
): string {
  return apiUrl(
    '/projects/{project_id}/datasets/{name}/versions/{version}/content',
    { project_id: projectId, name, version },
    { format }
  );
}
