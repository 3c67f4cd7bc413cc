import type { Marker, Template } from '../blueprint/template.js';
import { type Look, lookInto } from '../project/look.js';
import { type PackageJson, readPackageJson } from '../project/package-json.js';

/** A template's name with the signs by which its type is known. */
export interface Detectable {
  readonly name: string;
  readonly detect: NonNullable<Template['detect']>;
}

export interface Detection {
  /** `generic` when no sign was found. */
  readonly name: string;
  /** For people: `package.json depends on react`. */
  readonly reason: string;
}

/**
 * The type of a folder by its markers: the sure signs first (highest priority; of equals the first by name). Reads the
 * folder's listing and package.json, no more than the markers ask for.
 */
export function detectType(path: string, templates: readonly Detectable[]): Detection {
  const look = lookInto(path);
  let manifest: PackageJson | null | undefined;
  const packageJson = () => {
    if (manifest === undefined) manifest = readPackageJson(path);
    return manifest;
  };
  const signs = templates
    .flatMap(({ name, detect }) =>
      detect.any.map((marker) => ({ name, marker, priority: marker.priority ?? detect.priority })),
    )
    .sort((a, b) => b.priority - a.priority || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  const found = signs.find(({ marker }) => holds(marker, look, packageJson));
  const name = found?.name ?? 'generic';
  const reason = found ? describe(found.marker) : 'no sign of a known type';
  const broken = manifest?.broken;
  return { name, reason: broken ? `${reason}; package.json cannot be read (${broken})` : reason };
}

function holds(marker: Marker, look: Look, packageJson: () => PackageJson | null): boolean {
  const files = filesOf(marker);
  if (files.length === 0 && marker.dependency === undefined) return false;
  return (
    files.every((file) => look.exists(file)) &&
    (marker.dependency === undefined || (packageJson()?.dependencies.has(marker.dependency) ?? false))
  );
}

function filesOf(marker: Marker): readonly string[] {
  if (marker.file === undefined) return [];
  return typeof marker.file === 'string' ? [marker.file] : marker.file;
}

function describe(marker: Marker): string {
  const parts = [
    ...(filesOf(marker).length > 0 ? [`it has ${filesOf(marker).join(' and ')}`] : []),
    ...(marker.dependency === undefined ? [] : [`package.json depends on ${marker.dependency}`]),
  ];
  return parts.join(', and ');
}
