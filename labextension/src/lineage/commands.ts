/** The commands about lineage. */
export namespace CommandIDs {
  export const open = 'insighter:open-lineage';
  export const download = 'insighter:export-lineage';
}
