// page/shared/shared.js as a module: the export writes js/page/shared.js from it.
type Grid = { h: number, w: number, maps: ArrayLike<number>[] };
export function percent(share: number, digits?: number): string;
export function counted(number: number, noun: string): string;
export function product(parts: Grid[], weights: number[]): { h: number, w: number, maps: Float32Array[] };
