/** The commands of sharing; the sidebar names them too. */
export { SharingCommands as CommandIDs } from '../projects/commands';
