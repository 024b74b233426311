import type { TranslationBundle } from '@jupyterlab/translation';

import type { Project, Role } from '../api';

const ORDER: ReadonlyArray<Role> = ['viewer', 'annotator', 'editor', 'admin', 'owner'];

/**
 * Whether the caller may do in a project what takes a role: for not offering what would be refused. An archived project
 * is not changed by anybody; one that is not known here is nothing to offer changes of.
 */
export function may(project: Project | null, role: Role): boolean {
  if (!project || project.role === null || (project.archived_at !== null && role !== 'viewer')) {
    return false;
  }
  return ORDER.indexOf(project.role) >= ORDER.indexOf(role);
}

/** The roles up to one, the lowest first. */
export function rolesUpTo(role: Role): Role[] {
  return ORDER.slice(0, ORDER.indexOf(role) + 1);
}

/** A role's name. */
export function roleName(role: Role | null, trans: TranslationBundle): string {
  switch (role) {
    case 'owner':
      return trans.__('owner');
    case 'admin':
      return trans.__('admin');
    case 'editor':
      return trans.__('editor');
    case 'annotator':
      return trans.__('annotator');
    case 'viewer':
    case null:
      return trans.__('viewer');
  }
}

/** What a role may do that the ones before it may not. */
export function roleMeaning(role: Role, trans: TranslationBundle): string {
  switch (role) {
    case 'owner':
      return trans.__('also transfers and deletes the project');
    case 'admin':
      return trans.__('also says who may what');
    case 'editor':
      return trans.__('also adds, changes and deletes data, runs, models and endpoints');
    case 'annotator':
      return trans.__('also labels data');
    case 'viewer':
      return trans.__('sees everything, downloads, calls endpoints');
  }
}

/** Whether the caller says who may what in a project: its admins do, of an archived one too; the personal one is not shared. */
export function mayShare(project: Project | null): boolean {
  return project !== null && !project.personal && may({ ...project, archived_at: null }, 'admin');
}
