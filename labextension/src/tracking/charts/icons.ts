import { LabIcon } from '@jupyterlab/ui-components';

/** A chart that takes the width of the page, and back. */
export const zoomIcon = new LabIcon({
  name: 'insighter:enlarge',
  svgstr:
    '<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 16 16"><path class="jp-icon3" fill="#616161"' +
    ' d="M9 2h5v5h-1.5V4.56L9.53 7.53 8.47 6.47 11.44 3.5H9zM2 9h1.5v2.44l2.97-2.97 1.06 1.06-2.97 2.97H7V14H2z"/></svg>'
});
