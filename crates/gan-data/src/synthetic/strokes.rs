//! How people write the ten digits: the pen's path, as points on it.

/// A point, `(x, y)` in hundredths of the digit's height, y down.
pub type Point = (i8, i8);

/// One way of writing a digit.
pub struct Form {
    /// How common it is among the forms of its digit.
    pub weight: u32,
    /// From pen down to pen up; a point given twice in a row is a sharp corner.
    pub strokes: &'static [&'static [Point]],
}

/// The forms of each digit, 0 to 9.
pub const DIGITS: [&[Form]; 10] = [ZERO, ONE, TWO, THREE, FOUR, FIVE, SIX, SEVEN, EIGHT, NINE];

const ZERO: &[Form] = &[
    // Round, anticlockwise from the top, the ends overlapping.
    Form { weight: 5, strokes: &[
        &[(44, 2), (22, 10), (6, 46), (16, 88), (38, 99), (62, 86), (73, 48), (60, 12),
          (40, 2), (28, 9)],
    ] },
    // Narrow.
    Form { weight: 3, strokes: &[
        &[(40, 2), (20, 16), (12, 52), (20, 86), (36, 99), (52, 84), (59, 46), (50, 12),
          (35, 3)],
    ] },
    // Begun inside the ring at the upper right.
    Form { weight: 2, strokes: &[
        &[(52, 14), (36, 4), (14, 26), (5, 60), (20, 95), (46, 97), (68, 70), (72, 34),
          (58, 8), (40, 6), (36, 18)],
    ] },
];

const ONE: &[Form] = &[
    // A bare stroke.
    Form { weight: 8, strokes: &[
        &[(40, 0), (39, 33), (38, 66), (37, 100)],
    ] },
    // With a flag.
    Form { weight: 2, strokes: &[
        &[(22, 22), (34, 12), (43, 0), (43, 0), (42, 50), (41, 100)],
    ] },
    // With a flag and a base.
    Form { weight: 1, strokes: &[
        &[(18, 24), (32, 14), (43, 0), (43, 0), (42, 50), (41, 98)],
        &[(12, 98), (40, 99), (70, 97)],
    ] },
];

const TWO: &[Form] = &[
    // A sharp turn into a straight base.
    Form { weight: 4, strokes: &[
        &[(8, 22), (18, 6), (40, 0), (60, 12), (58, 38), (36, 68), (6, 97), (6, 97), (38, 94),
          (74, 94)],
    ] },
    // A loop at the foot.
    Form { weight: 4, strokes: &[
        &[(6, 18), (24, 3), (46, 4), (58, 22), (50, 50), (30, 80), (12, 96), (2, 86), (14, 74),
          (36, 84), (58, 97), (80, 88)],
    ] },
    // Flat, with a long wavy base.
    Form { weight: 2, strokes: &[
        &[(10, 14), (28, 4), (52, 2), (62, 16), (50, 44), (28, 70), (8, 88), (8, 88), (30, 86),
          (56, 94), (86, 90)],
    ] },
    // A wide loop at the foot, begun with a hook.
    Form { weight: 3, strokes: &[
        &[(10, 26), (14, 8), (38, 0), (58, 14), (56, 42), (40, 76), (18, 98), (2, 84),
          (14, 66), (38, 76), (60, 94), (78, 92)],
    ] },
    // Hardly turning at the top, as a Z leaning back.
    Form { weight: 2, strokes: &[
        &[(14, 10), (32, 0), (48, 8), (46, 34), (26, 72), (6, 97), (6, 97), (40, 95),
          (86, 88)],
    ] },
];

const THREE: &[Form] = &[
    // Two round bowls meeting in a cusp.
    Form { weight: 5, strokes: &[
        &[(8, 14), (26, 1), (52, 5), (58, 22), (46, 40), (24, 47), (24, 47), (54, 54),
          (65, 74), (48, 95), (20, 99), (1, 88)],
    ] },
    // A flat top and a slanting neck.
    Form { weight: 1, strokes: &[
        &[(8, 5), (34, 4), (62, 2), (62, 2), (44, 22), (26, 42), (26, 42), (54, 48), (66, 70),
          (50, 94), (24, 99), (4, 90)],
    ] },
    // A small loop between the bowls.
    Form { weight: 2, strokes: &[
        &[(6, 10), (30, 0), (54, 8), (54, 28), (36, 44), (22, 49), (26, 41), (48, 50),
          (62, 70), (48, 94), (22, 99), (2, 92)],
    ] },
    // A large lower bowl swinging far to the left.
    Form { weight: 2, strokes: &[
        &[(12, 10), (34, 0), (54, 10), (46, 28), (26, 36), (26, 36), (54, 42), (64, 66),
          (46, 92), (20, 100), (0, 94)],
    ] },
];

const FOUR: &[Form] = &[
    // Open: an angle, then a long stem.
    Form { weight: 4, strokes: &[
        &[(18, 6), (10, 34), (6, 54), (6, 54), (34, 55), (70, 50)],
        &[(58, 0), (54, 40), (50, 100)],
    ] },
    // Open and round, a cup hung on the stem.
    Form { weight: 3, strokes: &[
        &[(10, 2), (6, 28), (14, 46), (34, 48), (56, 38)],
        &[(62, 0), (56, 46), (50, 100)],
    ] },
    // Closed: down the slope, along the bar, then the stem from the apex.
    Form { weight: 2, strokes: &[
        &[(48, 2), (26, 32), (4, 60), (4, 60), (36, 60), (72, 58)],
        &[(50, 0), (48, 50), (46, 100)],
    ] },
    // One stroke, the bar looping up into the stem.
    Form { weight: 2, strokes: &[
        &[(20, 2), (10, 30), (4, 52), (20, 56), (46, 40), (66, 6), (66, 6), (58, 40),
          (48, 98)],
    ] },
];

const FIVE: &[Form] = &[
    // The neck and bowl, then the bar on top.
    Form { weight: 4, strokes: &[
        &[(24, 4), (20, 24), (16, 42), (16, 42), (42, 38), (62, 54), (62, 78), (42, 97),
          (18, 98), (2, 88)],
        &[(24, 4), (48, 4), (76, 0)],
    ] },
    // One stroke, from the bar's right end.
    Form { weight: 3, strokes: &[
        &[(72, 2), (48, 4), (26, 6), (26, 6), (20, 26), (16, 44), (16, 44), (40, 42), (58, 60),
          (52, 84), (30, 98), (4, 94)],
    ] },
    // One soft stroke, as an S.
    Form { weight: 2, strokes: &[
        &[(76, 0), (50, 4), (30, 14), (26, 34), (42, 48), (54, 66), (46, 88), (24, 99),
          (2, 92)],
    ] },
];

const SIX: &[Form] = &[
    // A curved stem and a round bowl.
    Form { weight: 5, strokes: &[
        &[(50, 0), (26, 20), (8, 52), (8, 82), (28, 99), (52, 90), (58, 68), (42, 54),
          (22, 64), (12, 80)],
    ] },
    // A straight stem and a small bowl.
    Form { weight: 3, strokes: &[
        &[(36, 0), (22, 26), (10, 56), (10, 86), (28, 99), (48, 88), (48, 68), (32, 62),
          (14, 76)],
    ] },
    // A wide bowl curling inwards.
    Form { weight: 2, strokes: &[
        &[(58, 2), (34, 10), (12, 40), (6, 74), (22, 98), (50, 94), (66, 74), (56, 54),
          (34, 54), (20, 72), (28, 84)],
    ] },
    // A straighter stem, the bowl hung on it as on a b.
    Form { weight: 2, strokes: &[
        &[(30, 0), (12, 30), (4, 66), (14, 94), (40, 99), (62, 82), (58, 60), (36, 54),
          (12, 74)],
    ] },
];

const SEVEN: &[Form] = &[
    // A bar and a slope.
    Form { weight: 5, strokes: &[
        &[(4, 10), (32, 8), (62, 4), (62, 4), (48, 40), (30, 100)],
    ] },
    // With a hook before the bar, and a curved slope.
    Form { weight: 3, strokes: &[
        &[(4, 24), (10, 8), (10, 8), (36, 9), (60, 4), (60, 4), (52, 26), (36, 56), (32, 100)],
    ] },
    // Crossed.
    Form { weight: 2, strokes: &[
        &[(6, 8), (34, 6), (64, 2), (64, 2), (48, 42), (32, 100)],
        &[(20, 52), (46, 49), (72, 45)],
    ] },
    // Round-shouldered.
    Form { weight: 2, strokes: &[
        &[(2, 18), (18, 8), (42, 4), (58, 10), (56, 34), (46, 66), (38, 100)],
    ] },
];

const EIGHT: &[Form] = &[
    // One S, closed on the way back up.
    Form { weight: 5, strokes: &[
        &[(58, 14), (42, 1), (20, 8), (18, 30), (38, 48), (54, 66), (52, 90), (30, 100),
          (12, 86), (20, 64), (42, 44), (60, 20), (58, 6)],
    ] },
    // Open at the top right.
    Form { weight: 2, strokes: &[
        &[(54, 8), (30, 3), (16, 18), (26, 40), (46, 60), (50, 84), (32, 99), (14, 88),
          (18, 66), (42, 44), (68, 10), (78, 2)],
    ] },
    // Two rings.
    Form { weight: 2, strokes: &[
        &[(38, 2), (20, 10), (16, 28), (34, 44), (54, 30), (54, 10), (36, 1)],
        &[(36, 45), (14, 60), (12, 86), (36, 100), (60, 86), (58, 60), (36, 45)],
    ] },
    // A wide top over a narrow foot, begun with a flat run to the left.
    Form { weight: 3, strokes: &[
        &[(68, 8), (42, 2), (14, 8), (14, 26), (38, 46), (50, 70), (42, 95), (22, 98),
          (15, 80), (28, 56), (52, 34), (70, 12)],
    ] },
];

const NINE: &[Form] = &[
    // A ring and a straight stem.
    Form { weight: 5, strokes: &[
        &[(56, 12), (38, 1), (16, 12), (8, 34), (22, 48), (44, 36), (58, 8), (58, 8), (54, 48),
          (46, 100)],
    ] },
    // A curved tail.
    Form { weight: 3, strokes: &[
        &[(56, 10), (36, 2), (14, 16), (10, 38), (28, 48), (50, 34), (60, 12), (60, 44),
          (54, 76), (38, 98), (16, 92)],
    ] },
    // A ring leaning into a long slope.
    Form { weight: 3, strokes: &[
        &[(50, 4), (28, 4), (11, 24), (19, 46), (44, 36), (59, 10), (54, 36), (41, 68),
          (28, 100)],
    ] },
    // A wide ring, the stem from its right side.
    Form { weight: 4, strokes: &[
        &[(58, 14), (42, 1), (18, 5), (6, 24), (14, 45), (36, 47), (54, 32), (60, 10),
          (60, 10), (56, 50), (52, 100)],
    ] },
];
