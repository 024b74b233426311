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
