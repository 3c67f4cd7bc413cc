import { join } from 'node:path';
import { messageOf } from '../errors.js';
import { readSmallFile } from './small-file.js';

/** A project's own template, in its folder. */
export const projectTemplateName = '.cw.yaml';

/** Where a project says how agents work in it, from the project's folder. */
export const projectFileName = '.claude/config/project.json';

/** `.claude/config/project.json`. What is missing or of another kind than expected is null. */
export interface ProjectFile {
  readonly projectType: string | null;
  /** Command lines. */
  readonly initScript: string | null;
  readonly healthCheck: string | null;
  readonly testCommand: string | null;
  readonly smokeTest: string | null;
  readonly devServerPort: number | null;
  /** Names of variables that must have a value. */
  readonly requiredEnv: readonly string[];
  readonly timeoutSeconds: number | null;
  /** One sentence for each thing that was passed over. */
  readonly problems: readonly string[];
}

/**
 * Reads the project's file tolerantly: it belongs to other tools as well, so unknown keys are theirs, and a broken
 * one never keeps a workspace from opening. null when there is none.
 */
export function readProjectFile(project: string): ProjectFile | null {
  let value: unknown = {};
  const problems: string[] = [];
  try {
    const text = readSmallFile(join(project, projectFileName));
    if (text === null) return null;
    value = JSON.parse(text);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      problems.push(`${projectFileName} is not a JSON object: it is passed over.`);
      value = {};
    }
  } catch (error) {
    problems.push(`${projectFileName} is passed over: ${messageOf(error)}`);
  }
  const map = value as Record<string, unknown>;
  const pick = <T>(key: string, kind: string, fits: (entry: unknown) => entry is T): T | null => {
    const entry = map[key];
    if (entry === undefined || entry === null || entry === '') return null;
    if (fits(entry)) return entry;
    problems.push(`${projectFileName}: "${key}" must be ${kind}: it is passed over.`);
    return null;
  };
  return {
    projectType: pick('project_type', 'a text', isText),
    initScript: pick('init_script', 'a command line', isText),
    healthCheck: pick('health_check', 'a command line', isText),
    testCommand: pick('test_command', 'a command line', isText),
    smokeTest: pick('smoke_test', 'a command line', isText),
    devServerPort: pick('dev_server_port', 'a port (1 to 65535)', isPort),
    requiredEnv: pick('required_env', 'a list of names', isNames) ?? [],
    timeoutSeconds: pick('timeout_seconds', 'a number of seconds above 0', isSeconds),
    problems,
  };
}

/** What people call the types, in project files of other tools. */
const otherNames: Readonly<Record<string, string>> = {
  javascript: 'node',
  typescript: 'node',
  nodejs: 'node',
  'node.js': 'node',
  nextjs: 'next',
  'next.js': 'next',
  reactjs: 'react',
  golang: 'go',
  'c++': 'cpp',
  c: 'cpp',
  'c#': 'dotnet',
  csharp: 'dotnet',
  '.net': 'dotnet',
  kotlin: 'java',
  rails: 'ruby',
  laravel: 'php',
  phoenix: 'elixir',
  django: 'python',
};

/** The names of templates that a `project_type` can mean, the likeliest first: as written, then as it is known here. */
export function templateNamesFor(projectType: string): string[] {
  const lower = projectType.toLowerCase();
  const other = Object.hasOwn(otherNames, lower) ? otherNames[lower]! : lower;
  return [...new Set([projectType, other])];
}

const isText = (value: unknown): value is string => typeof value === 'string' && !value.includes('\0');
const isPort = (value: unknown): value is number =>
  Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 65535;
const isSeconds = (value: unknown): value is number =>
  typeof value === 'number' && value > 0 && value < Infinity;
const isNames = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((name) => typeof name === 'string' && /^[A-Za-z_]\w*$/.test(name));
