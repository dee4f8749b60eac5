import type { TestProject } from 'vitest/node';
import { startTestServices } from './support/services.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The superuser's URL of the run's Postgres. */
    postgresUrl: string;
    temporalAddress: string;
    temporalUiUrl: string;
    /** A file with the workflow code, bundled once a run. */
    workflowBundle: string;
  }
}

/** One Postgres and one Temporal per run; every test file makes its own database in it. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const services = await startTestServices();
  project.provide('postgresUrl', services.postgresUrl);
  project.provide('temporalAddress', services.temporalAddress);
  project.provide('temporalUiUrl', services.temporalUiUrl);
  project.provide('workflowBundle', services.workflowBundle);
  return () => services.stop();
}
