import { call } from './client';
import type { components } from './generated';

type Schemas = components['schemas'];

/** An address that is called when something happens to models. */
export type Webhook = Schemas['Webhook'];
export type WebhookCreate = Schemas['CreateWebhook'];
export type WebhookUpdate = Schemas['UpdateWebhook'];
/** Something that was told, or is to be. */
export type Delivery = Schemas['Delivery'];

/** A project's webhooks, newest first: no project has more than a page of them. */
export async function list(project: string): Promise<Webhook[]> {
  const page = await call('get', '/projects/{project_id}/webhooks', {
    path: { project_id: project },
    query: { limit: 100 }
  });
  return page.items;
}

export function create(project: string, body: WebhookCreate): Promise<Webhook> {
  return call('post', '/projects/{project_id}/webhooks', { path: { project_id: project }, body });
}

export function update(project: string, id: string, body: WebhookUpdate): Promise<Webhook> {
  return call('patch', '/projects/{project_id}/webhooks/{webhook_id}', {
    path: { project_id: project, webhook_id: id },
    body
  });
}

export async function remove(project: string, id: string): Promise<void> {
  await call('delete', '/projects/{project_id}/webhooks/{webhook_id}', {
    path: { project_id: project, webhook_id: id }
  });
}

/** Send an example now; what came of it. */
export function test(project: string, id: string): Promise<Delivery> {
  return call('post', '/projects/{project_id}/webhooks/{webhook_id}/test', {
    path: { project_id: project, webhook_id: id },
    body: {}
  });
}

/** The newest deliveries, newest first. */
export async function deliveries(project: string, id: string): Promise<Delivery[]> {
  const page = await call('get', '/projects/{project_id}/webhooks/{webhook_id}/deliveries', {
    path: { project_id: project, webhook_id: id },
    query: { limit: 50 }
  });
  return page.items;
}

/** Send a delivery once more, now. */
export function send(project: string, id: string, delivery: number): Promise<Delivery> {
  return call('post', '/projects/{project_id}/webhooks/{webhook_id}/deliveries/{delivery}/send', {
    path: { project_id: project, webhook_id: id, delivery }
  });
}
