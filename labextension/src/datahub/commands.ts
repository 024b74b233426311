/** The commands about datasets. */
export namespace CommandIDs {
  export const upload = 'insighter:upload-dataset';
  export const open = 'insighter:open-dataset';
  export const download = 'insighter:download-dataset';
  export const copyCode = 'insighter:copy-dataset-code';
  export const remove = 'insighter:delete-dataset';
  export const renameUpload = 'insighter:rename-upload';
}
