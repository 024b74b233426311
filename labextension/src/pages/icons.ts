import { LabIcon } from '@jupyterlab/ui-components';

/** An icon of strokes on a 24 × 24 field, in the colour Lab gives to its own. */
export function stroked(name: string, body: string): LabIcon {
  return new LabIcon({
    name: `insighter:${name}`,
    svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24" fill="none"><g class="jp-icon3" stroke="#616161" stroke-width="2" stroke-linecap="round" stroke-linejoin="round">${body}</g></svg>`
  });
}

/** A cylinder. */
export const datasetIcon = stroked(
  'dataset',
  '<ellipse cx="12" cy="5.5" rx="7.5" ry="2.8"/><path d="M4.5 5.5v13c0 1.55 3.36 2.8 7.5 2.8s7.5-1.25 7.5-2.8v-13"/><path d="M4.5 12c0 1.55 3.36 2.8 7.5 2.8s7.5-1.25 7.5-2.8"/>'
);

/** A book with its spine and two lines. */
export const notebookIcon = stroked(
  'notebook',
  '<rect x="4.5" y="3" width="15" height="18" rx="1.8"/><path d="M8.5 3v18"/><path d="M12 8h4"/><path d="M12 12h4"/>'
);

/** A flask. */
export const experimentIcon = stroked(
  'experiment',
  '<path d="M9 3h6"/><path d="M10 3v6.5L4.8 18.2A1.9 1.9 0 0 0 6.45 21h11.1a1.9 1.9 0 0 0 1.65-2.8L14 9.5V3"/><path d="M7.5 15h9"/>'
);

/** A cube. */
export const modelIcon = stroked(
  'model',
  '<path d="M12 2.8l8 4.5v9.4l-8 4.5-8-4.5V7.3z"/><path d="M4.3 7.5L12 11.9l7.7-4.4"/><path d="M12 12v9"/>'
);

/** A pin, stuck in. */
export const pinIcon = stroked(
  'pin',
  '<path d="M9 3.5h6"/><path d="M10 3.5v6L6.5 14h11L14 9.5v-6"/><path d="M12 14v7"/>'
);

/** What is served: a tower with waves. */
export const deploymentIcon = stroked(
  'deployment',
  '<circle cx="12" cy="10" r="2"/><path d="M12 12v9"/><path d="M7.8 14.2a6 6 0 0 1 0-8.4"/><path d="M16.2 5.8a6 6 0 0 1 0 8.4"/><path d="M4.9 17.1a10 10 0 0 1 0-14.2"/><path d="M19.1 2.9a10 10 0 0 1 0 14.2"/>'
);

/** Two that become one: a graph. */
export const lineageIcon = stroked(
  'lineage',
  '<circle cx="5" cy="6" r="2.5"/><circle cx="5" cy="18" r="2.5"/><circle cx="19" cy="12" r="2.5"/><path d="M7.5 6h2.5c3 0 3 6 6.5 6"/><path d="M7.5 18h2.5c3 0 3-6 6.5-6"/>'
);

/** A bin. */
export const trashIcon = stroked(
  'trash',
  '<path d="M4 6.5h16"/><path d="M9 6.5V4h6v2.5"/><path d="M6 6.5l1 14h10l1-14"/><path d="M10 10.5v6"/><path d="M14 10.5v6"/>'
);
