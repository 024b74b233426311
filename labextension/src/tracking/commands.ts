/** The commands about experiments and runs. */
export namespace CommandIDs {
  export const openExperiment = 'insighter:open-experiment';
  export const openRun = 'insighter:open-run';
  export const registerModel = 'insighter:register-model';
  /** Takes {project, experiment, runs: the ids}. */
  export const compareRuns = 'insighter:compare-runs';
}
