/** The charts of an experiment's page, in a chunk of their own: `React.lazy(() => import('./charts'))`. */
export { ExperimentCharts, ExperimentCharts as default, type IExperimentChartsProps } from './experiment';
