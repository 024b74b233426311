/** The pieces that all panels are made of. Their styles are in style/components.css. */
export { useAfter, useCaret } from './after';
export { Button } from './button';
export { UiProvider, useUi, type IAction, type IUi } from './context';
export { CodeLine, CopyButton } from './copy';
export { EmptyLine, EmptyState, type IEmptyAction } from './emptystate';
export { ErrorBoundary } from './errorboundary';
export { ErrorNote } from './errornote';
export {
  formatBytes,
  formatDate,
  formatDecimals,
  formatDuration,
  formatMetric,
  formatNumber,
  formatRelative,
  formatTime
} from './format';
export { CommandButton, IconButton, MoreMenu } from './iconbutton';
export { Initials } from './initials';
export { openMenu, showMenu, type MenuGroup } from './menu';
export { errorText, notifyError } from './notify';
export { ProgressRow } from './progressrow';
export { RelativeTime } from './relativetime';
export { Row, RowList, type IRowProps } from './row';
export { StatusDot, type Condition } from './statusdot';
