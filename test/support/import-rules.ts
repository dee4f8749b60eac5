import { existsSync } from 'node:fs';
import { cruise, type ICruiseResult, type IDependency } from 'dependency-cruiser';

interface Room {
  /** Folders of ours that it may import. */
  from: readonly string[];
  /** Folders of ours of which it may import types. */
  types?: readonly string[];
  /** Files of ours that it may import besides. */
  files?: readonly string[];
  /** Packages and Node built-ins: those it may import, as patterns; all of them when not given. */
  packages?: readonly RegExp[];
  /** Those of which it may import types besides. */
  packageTypes?: readonly RegExp[];
  /** Those of which it may import types only, whatever `packages` says. */
  typesOnly?: readonly RegExp[];
  /** Those it may not import in any way. */
  never?: readonly RegExp[];
}

const temporalPackage = /^@temporalio\//;

/** Who serves opens connections by db/driver.ts, which mends the driver as it loads it. */
const driver = /^postgres(\/|$)/;

/** Who may import whom: the table of ARCHITECTURE.md. Rooms that are not listed may import all. */
const rooms: Readonly<Record<string, Room>> = {
  domain: { from: [], packages: [] },
  runtime: { from: ['domain'] },
  db: { from: ['domain'], never: [temporalPackage], typesOnly: [driver] },
  providers: { from: ['domain'], never: [temporalPackage] },
  workflows: {
    from: ['domain'],
    types: ['activities'],
    packages: [/^@temporalio\/(workflow|common)$/],
    packageTypes: [/^@temporalio\/client$/],
  },
  activities: { from: ['domain', 'db', 'providers'], typesOnly: [driver] },
  worker: {
    from: ['domain', 'runtime', 'db', 'providers', 'workflows', 'activities'],
    typesOnly: [driver],
  },
  api: {
    from: ['domain', 'runtime', 'db', 'providers'],
    types: ['workflows'],
    files: ['workflows/contract.ts'],
    typesOnly: [driver],
  },
};

const roomNames = Object.keys(rooms);

/**
 * Reads the imports of every room and returns those that the table forbids, as
 * `importer → imported`. `sources` is given by the test that proves that the rules bite.
 */
export async function forbiddenImports(
  sources: readonly string[] = roomNames.filter((room) => existsSync(room)),
  baseDir: string = process.cwd(),
): Promise<{ modules: number; forbidden: string[] }> {
  const { output } = await cruise(
    [...sources],
    {
      baseDir,
      parser: 'swc',
      tsPreCompilationDeps: true,
      doNotFollow: { path: 'node_modules' },
      exclude: { path: '^api/console/' },
    },
    { extensions: ['.ts', '.js', '.mjs'] },
  );
  const { modules } = output as ICruiseResult;
  const own = modules.filter(({ source }) => roomOf(source) in rooms);
  const forbidden = own.flatMap(({ source, dependencies }) =>
    dependencies
      .filter((dependency) => isForbidden(source, dependency))
      .map(({ module }) => `${source} → ${module}`),
  );
  return { modules: own.length, forbidden };
}

function isForbidden(importer: string, dependency: IDependency): boolean {
  const room = rooms[roomOf(importer)];
  if (!room) return false;
  const typeOnly = dependency.dependencyTypes.includes('type-only');
  return dependency.module.startsWith('.')
    ? isForbiddenFile(room, importer, dependency, typeOnly)
    : isForbiddenPackage(room, dependency.module, typeOnly);
}

function isForbiddenFile(
  room: Room,
  importer: string,
  { resolved, couldNotResolve }: IDependency,
  typeOnly: boolean,
): boolean {
  if (couldNotResolve) return true;
  const other = roomOf(resolved);
  if (other === roomOf(importer))
    return other === 'providers' && crossesVendors(importer, resolved);
  if (room.from.includes(other) || room.files?.includes(resolved)) return false;
  return !(typeOnly && room.types?.includes(other));
}

function isForbiddenPackage(room: Room, name: string, typeOnly: boolean): boolean {
  const matches = (patterns: readonly RegExp[] = []) => patterns.some((each) => each.test(name));
  if (matches(room.never)) return true;
  if (!typeOnly && matches(room.typesOnly)) return true;
  if (room.packages === undefined || matches(room.packages)) return false;
  return !(typeOnly && matches(room.packageTypes));
}

/** A vendor's folder never imports another vendor's; files beside the folders are shared. */
function crossesVendors(importer: string, imported: string): boolean {
  const [, from, ...fromRest] = importer.split('/');
  const [, to, ...toRest] = imported.split('/');
  return fromRest.length > 0 && toRest.length > 0 && from !== to;
}

const roomOf = (file: string) => file.split('/')[0] ?? '';
