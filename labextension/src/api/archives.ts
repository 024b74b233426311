import { apiUrl, call, upload as sendFile, type IUploadOptions } from './client';
import type { components } from './generated';

type Schemas = components['schemas'];

export type Import = Schemas['Import'];

/** Where a project is downloaded from as one file; for a link. */
export function exportUrl(projectId: string, includeFiles: boolean): string {
  return apiUrl(
    '/projects/{project_id}/archive',
    { project_id: projectId },
    { include_files: includeFiles || null }
  );
}

/** Upload an archive; the project is made of it after the answer. Without a name it has the one in the archive. */
export async function upload(file: File, name: string, options: IUploadOptions = {}): Promise<Import> {
  return (await sendFile(apiUrl('/projects/imports', {}, { name: name || null }), file, options)) as Import;
}

/** How far an import is. */
export function get(importId: string): Promise<Import> {
  return call('get', '/projects/imports/{import_id}', { path: { import_id: importId } });
}

/** The caller's imports, newest first. */
export async function list(): Promise<Import[]> {
  return (await call('get', '/projects/imports', {})).items;
}

/** Give up an import; nothing of it stays. */
export function cancel(importId: string): Promise<void> {
  return call('delete', '/projects/imports/{import_id}', { path: { import_id: importId } });
}
