import { call } from './client';
import type { components } from './generated';

type Schemas = components['schemas'];

/** An achievement, and how it stands in a project. */
export type Achievement = Schemas['Achievement'];
/** A project's achievements. */
export type Achievements = Schemas['Achievements'];
/** The caller's, of all projects. */
export type OwnAchievements = Schemas['OwnAchievements'];
export type OwnAchievement = Schemas['OwnAchievement'];
export type NextAchievement = Schemas['NextAchievement'];
export type AchievementIcon = Achievement['icon'];
/** How far one would be by a rule. */
export type Standing = Schemas['Standing'];
export type AchievementCreate = Schemas['AchievementCreate'];
export type AchievementUpdate = Schemas['AchievementUpdate'];

/** What can be earned in a project, who has, and how far the caller is. */
export function list(project: string): Promise<Achievements> {
  return call('get', '/projects/{project_id}/achievements', { path: { project_id: project } });
}

/** Define one of the project's own. */
export function create(project: string, body: AchievementCreate): Promise<Achievement> {
  return call('post', '/projects/{project_id}/achievements', { path: { project_id: project }, body });
}

/** Change one of the project's own; what was earned stays earned. */
export function update(project: string, id: string, body: AchievementUpdate): Promise<Achievement> {
  return call('patch', '/projects/{project_id}/achievements/{achievement_id}', {
    path: { project_id: project, achievement_id: id },
    body
  });
}

/** Delete one of the project's own; those who earned it keep it. */
export async function remove(project: string, id: string): Promise<void> {
  await call('delete', '/projects/{project_id}/achievements/{achievement_id}', {
    path: { project_id: project, achievement_id: id }
  });
}

/** How far the caller, or the team, would be by a rule. */
export function preview(
  project: string,
  audience: Achievement['audience'],
  rule: Achievement['rule'],
  signal?: AbortSignal
): Promise<Standing> {
  return call('post', '/projects/{project_id}/achievements/preview', {
    path: { project_id: project },
    body: { audience, rule },
    signal
  });
}

/** The caller's, of all projects, and what comes next. */
export function mine(): Promise<OwnAchievements> {
  return call('get', '/account/achievements', {});
}

/** Show the caller's, or none of them to anybody. */
export async function show(shown: boolean): Promise<void> {
  await call('put', '/account/achievements', { body: { shown } });
}
