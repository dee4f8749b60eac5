import { writeFile } from 'node:fs/promises';
import { openDatabase } from '../db/client.ts';
import { createLogger } from '../runtime/logger.ts';
import { createApi } from './app.ts';
import { rateLimitsDefault } from './deps.ts';
import { describeApi, renderDocument } from './openapi.ts';

/** `npm run openapi`: writes the committed document anew after routes changed. No request is made. */
const unused = () => Promise.reject(new Error('Describing the API needs no service.'));
const app = createApi({
  // The pool connects when it is first asked, which never happens here.
  database: openDatabase('postgres://nobody@localhost/none', {
    poolMax: 1,
    applicationName: 'steward-openapi',
  }),
  keyring: { vault: unused, create: unused, material: unused },
  imap: { verify: unused },
  workflows: { ensure: unused, check: unused },
  log: createLogger({ name: 'openapi', level: 'fatal' }),
  options: { temporalUiUrl: undefined, temporalNamespace: '', limits: rateLimitsDefault },
});
await writeFile(new URL('openapi.json', import.meta.url), renderDocument(describeApi(app)));
