"""The four base strategies that a published strategy search starts from."""

#: Base strategies of Platnick et al. (GANsemble), section 3.1, with the values of their published
#: code: (1) flip and shift, (2) blur, which is an elastic distortion, and rotation, (3) zoom and
#: rotation, (4) circular and rectangular masks, filled with the white of the background. Lengths
#: are shares of their images, but for the distortion, which is in pixels.
GANSEMBLE_STRATEGIES: dict[int, str] = {
    1: "image-shift(max_shift=0.42, direction='horizontal', padding='wrap')+flip",
    2: "elastic+rotation(quarter_turns=True, padding='edge')",
    3: "zoom(min_zoom=1.05)+rotation(quarter_turns=True, padding='edge')",
    4: "circular-mask(fill='max')+rectangular-mask(fill='max')",
}
