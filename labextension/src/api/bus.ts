import type { Message } from './channel';
import { call } from './client';

export type { Message } from './channel';

/** What a message may be told besides its topic and data. */
export interface IPublishOptions {
  /** The publisher's word for what it is; "message" where left out. */
  type?: string;
  /** What it is about. */
  subject?: string;
  /** Whether it is kept for those who come later; it is where left out. */
  durable?: boolean;
}

/**
 * Publish a message in a project.
 *
 * @throws ApiError 413 when the data is larger than 256 KB, 403 when the role does not allow it.
 */
export async function publish(
  project: string,
  topic: string,
  data: unknown,
  options: IPublishOptions = {}
): Promise<Message> {
  const { type = 'message', subject = null, durable = true } = options;
  const body = { topic, data, type, subject, durable };
  return call('post', '/projects/{project_id}/bus', { path: { project_id: project }, body });
}

/** The newest durable message of a topic; null when there is none. */
export async function latest(project: string, topic: string): Promise<Message | null> {
  const path = { project_id: project, topic };
  return (await call('get', '/projects/{project_id}/bus/topics/{topic}', { path })).message;
}
