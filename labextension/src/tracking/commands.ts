/** The commands about experiments and runs. */
export namespace CommandIDs {
  export const openExperiment = 'insighter:open-experiment';
  export const openRun = 'insighter:open-run';
  /** Takes {project, experiment, runs: the ids}. */
  export const compareRuns = 'insighter:compare-runs';
  export const renameRun = 'insighter:rename-run';
  export const deleteRun = 'insighter:delete-run';
  export const registerModel = 'insighter:register-model';
}
