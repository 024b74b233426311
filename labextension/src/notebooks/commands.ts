/** The commands about notebooks. */
export namespace CommandIDs {
  export const create = 'insighter:new-notebook';
  export const open = 'insighter:open-notebook';
  export const openFile = 'insighter:open-notebook-file';
  export const copyVersion = 'insighter:copy-notebook-version';
  export const download = 'insighter:download-notebook-version';
  export const restore = 'insighter:restore-notebook';
  export const remove = 'insighter:delete-notebook';
}
