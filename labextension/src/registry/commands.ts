/** The commands about registered models. */
export namespace CommandIDs {
  export const open = 'insighter:open-model';
  export const copyCode = 'insighter:copy-model-code';
  export const remove = 'insighter:delete-model';
}
