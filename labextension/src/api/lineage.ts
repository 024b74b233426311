import { apiUrl, call } from './client';
import type { components } from './generated';

type Schemas = components['schemas'];

export type LineageGraph = Schemas['LineageGraph'];
export type LineageNode = Schemas['LineageNode'];
export type LineageEdge = Schemas['LineageEdge'];
export type LineageImpact = Schemas['LineageImpact'];

/** An asset, or one version of it, that a graph is around. */
export interface ICentre {
  readonly kind: string;
  readonly key: string;
  readonly version?: number;
}

/** Which part of the graph. */
export interface ILineageQuery {
  /** up: what it was made from; down: what was made from it. */
  direction?: 'up' | 'down' | 'both';
  /** Steps from the asset. */
  depth?: number;
  /** How many nodes at most. */
  limit?: number;
}

/** The graph around an asset; of the whole project without one. */
export function graph(
  projectId: string,
  centre: ICentre | null,
  query: ILineageQuery = {}
): Promise<LineageGraph> {
  return call('get', '/projects/{project_id}/lineage', {
    path: { project_id: projectId },
    query: { ...centre, ...query }
  });
}

/** What would break without an asset. */
export function impact(projectId: string, centre: ICentre): Promise<LineageImpact> {
  return call('get', '/projects/{project_id}/lineage/impact', {
    path: { project_id: projectId },
    query: { ...centre }
  });
}

/** Where the project's lineage is to be had as OpenLineage events. */
export function exportUrl(projectId: string): string {
  return apiUrl('/projects/{project_id}/lineage/openlineage', { project_id: projectId });
}
