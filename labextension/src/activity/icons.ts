import { LabIcon } from '@jupyterlab/ui-components';

const stroked = (name: string, body: string): LabIcon =>
  new LabIcon({
    name: `insighter:${name}`,
    svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24" fill="none"><g class="jp-icon3" stroke="#616161" stroke-width="2" stroke-linecap="round" stroke-linejoin="round">${body}</g></svg>`
  });

/** A pulse. */
export const activityIcon = stroked('activity', '<path d="M3 12h4l3-8 4 16 3-8h4"/>');

/** A speech bubble. */
export const commentIcon = stroked('comment', '<path d="M4 5h16v11h-9l-5 4v-4H4z"/>');
