import { type Delivery, type Webhook, type WebhookCreate, type WebhookUpdate, webhooks } from '../api';
import { Resource } from '../pages/resource';

/** While something waits to be sent again, how often to look, in milliseconds. */
const WAITING = 3000;

/** The events there are, in the order in which they are offered. */
export const EVENTS: ReadonlyArray<string> = [
  'registered_model.created',
  'model_version.created',
  'model_version_alias.created',
  'model_version_alias.deleted',
  'model_version_tag.set',
  'model_version_tag.deleted',
  'prompt.created',
  'prompt_version.created',
  'prompt_alias.created',
  'prompt_alias.deleted',
  'prompt_tag.set',
  'prompt_tag.deleted',
  'prompt_version_tag.set',
  'prompt_version_tag.deleted'
];

/** A project's webhooks. */
export class WebhooksModel {
  constructor(readonly project: string) {
    this.list = new Resource(
      () => webhooks.list(project),
      items => (items.some(item => item.last?.status === 'pending') ? WAITING : null)
    );
  }

  readonly list: Resource<Webhook[]>;

  /** What a webhook was called for. */
  deliveries(id: string): Resource<Delivery[]> {
    return new Resource(
      () => webhooks.deliveries(this.project, id),
      items => (items.some(item => item.status === 'pending') ? WAITING : null)
    );
  }

  async create(body: WebhookCreate): Promise<void> {
    await webhooks.create(this.project, body);
    await this.list.refresh();
  }

  async update(id: string, body: WebhookUpdate): Promise<void> {
    await webhooks.update(this.project, id, body);
    await this.list.refresh();
  }

  async remove(id: string): Promise<void> {
    await webhooks.remove(this.project, id);
    await this.list.refresh();
  }

  async test(id: string): Promise<Delivery> {
    const sent = await webhooks.test(this.project, id);
    await this.list.refresh();
    return sent;
  }

  async send(id: string, delivery: number): Promise<Delivery> {
    const sent = await webhooks.send(this.project, id, delivery);
    await this.list.refresh();
    return sent;
  }

  dispose(): void {
    this.list.dispose();
  }
}
