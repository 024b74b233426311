import { LabIcon } from '@jupyterlab/ui-components';

/** Insighter's mark: a small diamond in a larger one. */
export const insighterIcon = new LabIcon({
  name: 'insighter:mark',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16" viewBox="0 0 24 24">
  <g class="jp-icon3 jp-icon-selectable" fill="#616161">
    <path fill-rule="evenodd" d="M12 1.6 22.4 12 12 22.4 1.6 12Zm0 2.6L4.2 12 12 19.8 19.8 12Z"/>
    <path d="M12 7.9 16.1 12 12 16.1 7.9 12Z"/>
  </g>
</svg>`
});
