/** The commands about the trash. */
export namespace CommandIDs {
  export const open = 'insighter:open-trash';
}
