/** The commands of projects as files. */
export const ArchiveCommands = {
  export: 'insighter:export-project',
  import: 'insighter:import-project'
} as const;
