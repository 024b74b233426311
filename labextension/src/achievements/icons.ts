import type { LabIcon } from '@jupyterlab/ui-components';

import type { AchievementIcon } from '../api';
import { datasetIcon, deploymentIcon, modelIcon, stroked } from '../pages/icons';

/** A medal on its ribbon. */
export const achievementIcon = stroked(
  'achievement',
  '<circle cx="12" cy="9" r="5.5"/><path d="M8.6 13.4L7.2 21l4.8-2.6 4.8 2.6-1.4-7.6"/>'
);

/** What the words that definitions name their icons by look like. */
export const ICONS: Readonly<Record<AchievementIcon, LabIcon>> = {
  star: stroked(
    'star',
    '<path d="M12 3.2l2.7 5.6 6.1.8-4.5 4.2 1.1 6.1L12 17l-5.4 2.9 1.1-6.1-4.5-4.2 6.1-.8z"/>'
  ),
  flag: stroked('flag', '<path d="M5.5 21V3.5"/><path d="M5.5 4.5h12.6l-2.6 4.3 2.6 4.3H5.5"/>'),
  dataset: datasetIcon,
  model: modelIcon,
  target: stroked(
    'target',
    '<circle cx="12" cy="12" r="9"/><circle cx="12" cy="12" r="5"/><circle cx="12" cy="12" r="1"/>'
  ),
  endpoint: deploymentIcon,
  rescue: stroked(
    'rescue',
    '<path d="M12 20.3l-7.4-7.2a4.7 4.7 0 0 1 6.7-6.6l.7.7.7-.7a4.7 4.7 0 0 1 6.7 6.6z"/><path d="M12 9.8v5.4"/><path d="M9.3 12.5h5.4"/>'
  ),
  calendar: stroked(
    'calendar',
    '<rect x="3.5" y="5" width="17" height="15.5" rx="2"/><path d="M3.5 10h17"/><path d="M8 2.8v4"/><path d="M16 2.8v4"/><path d="M9 15l2.2 2.2 3.8-3.8"/>'
  ),
  runs: stroked(
    'runs',
    '<path d="M3.5 20.5h17"/><path d="M6 16.5v-4"/><path d="M10.5 16.5v-8"/><path d="M15 16.5v-6"/><path d="M19 16.5v-12"/>'
  ),
  team: stroked(
    'team',
    '<circle cx="9" cy="8" r="3.5"/><path d="M2.8 20c.4-3.6 2.9-5.7 6.2-5.7s5.8 2.1 6.2 5.7"/><path d="M15.8 4.9a3.5 3.5 0 0 1 0 6.2"/><path d="M17.8 14.9c2 .9 3.2 2.7 3.4 5.1"/>'
  ),
  champion: stroked(
    'champion',
    '<path d="M7 3.5h10V10a5 5 0 0 1-10 0z"/><path d="M7 5.5H3.8v1.7A3.6 3.6 0 0 0 7.3 11"/><path d="M17 5.5h3.2v1.7a3.6 3.6 0 0 1-3.5 3.8"/><path d="M12 15v5"/><path d="M8.3 20.5h7.4"/>'
  ),
  versions: stroked(
    'versions',
    '<path d="M12 3l8.5 4.5L12 12 3.5 7.5z"/><path d="M3.5 12l8.5 4.5 8.5-4.5"/><path d="M3.5 16.5L12 21l8.5-4.5"/>'
  )
};
