import * as React from 'react';

import { ErrorNote } from './errornote';

/** Keeps a defect in one part from taking the rest of the screen along. */
export class ErrorBoundary extends React.Component<{ children: React.ReactNode }, { error: Error | null }> {
  override state: { error: Error | null } = { error: null };

  static getDerivedStateFromError(error: Error): { error: Error } {
    return { error };
  }

  override componentDidCatch(error: Error, info: React.ErrorInfo): void {
    console.error(error, info.componentStack);
  }

  override render(): React.ReactNode {
    const { error } = this.state;
    return error ? (
      <ErrorNote error={error} onRetry={() => this.setState({ error: null })} />
    ) : (
      this.props.children
    );
  }
}
