/** The commands about achievements. */
export namespace CommandIDs {
  export const open = 'insighter:open-achievements';
}
