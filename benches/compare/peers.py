"""Runs training steps of one framework, as requested on stdin.

    python peers.py NAME FAMILY BATCH THREADS [DEVICE]

Each line of input is a number of steps; the output is the milliseconds of one step. The family is
`dense` or `conv`, which are our nets of these families. Every framework performs the step of the
recipe `plain`: real images from memory and generated ones
through the discriminator as one batch, binary cross-entropy on logits, Adam 2e-4 with beta1 0.5,
fresh noise for the generator's update, and a moving average of the generator's weights. `keras` is
the published listing instead, with a discriminator that is trained.
"""

import os
import sys
import time

NAME, FAMILY, BATCH, THREADS = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
DEVICE = sys.argv[5] if len(sys.argv) > 5 else "cpu"
IMAGES = 60_000
GENERATOR, DISCRIMINATOR = [100, 256, 512, 1024, 784], [784, 512, 256, 1]
# Of the convolutional nets: filters next to the images, and twice as many next to the 7x7 positions.
FILTERS, KERNEL = 32, 4
LR, BETA1, BETA2, EPSILON, DECAY = 2e-4, 0.5, 0.999, 1e-8, 0.999

if DEVICE == "cpu":
    # Frameworks take this for the number of processors.
    os.sched_setaffinity(0, set(sorted(os.sched_getaffinity(0))[:THREADS]))
os.environ["OMP_NUM_THREADS"] = str(THREADS)
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"


def pytorch(compiled=False, graph=False, channels_last=False):
    import torch
    from torch import nn

    torch.set_num_threads(THREADS)
    torch.manual_seed(0)

    def net(widths, last):
        layers = []
        for inputs, outputs in zip(widths, widths[1:]):
            layers += [nn.Linear(inputs, outputs), nn.LeakyReLU(0.2)]
        return nn.Sequential(*layers[:-1], *last).to(DEVICE)

    if FAMILY == "dense":
        generator, discriminator = net(GENERATOR, [nn.Tanh()]), net(DISCRIMINATOR, [])
    else:
        deep, sides = 2 * FILTERS, (KERNEL, 2, 1)
        generator = nn.Sequential(
            nn.Linear(100, deep * 49, bias=False), nn.BatchNorm1d(deep * 49), nn.LeakyReLU(0.2),
            nn.Unflatten(1, (deep, 7, 7)),
            nn.ConvTranspose2d(deep, FILTERS, *sides, bias=False), nn.BatchNorm2d(FILTERS),
            nn.LeakyReLU(0.2), nn.ConvTranspose2d(FILTERS, 1, *sides), nn.Tanh(),
        ).to(DEVICE)
        discriminator = nn.Sequential(
            nn.Conv2d(1, FILTERS, *sides), nn.LeakyReLU(0.2),
            nn.Conv2d(FILTERS, deep, *sides), nn.LeakyReLU(0.2),
            nn.Flatten(), nn.Linear(deep * 49, 1),
        ).to(DEVICE)
        if channels_last:
            generator = generator.to(memory_format=torch.channels_last)
            discriminator = discriminator.to(memory_format=torch.channels_last)
    settings = {"lr": LR, "betas": (BETA1, BETA2), "eps": EPSILON, "fused": True}
    if graph:
        settings["capturable"] = True
    g_adam = torch.optim.Adam(generator.parameters(), **settings)
    d_adam = torch.optim.Adam(discriminator.parameters(), **settings)
    average = [p.detach().clone() for p in generator.parameters()]
    images = torch.randint(0, 256, (IMAGES, 784), dtype=torch.uint8, device=DEVICE)
    loss = nn.BCEWithLogitsLoss()
    real, fake = torch.ones(BATCH, 1, device=DEVICE), torch.zeros(BATCH, 1, device=DEVICE)

    def noise():
        return torch.randn(BATCH, 100, device=DEVICE)

    def d_loss(drawn):
        with torch.no_grad():
            made = generator(noise())
        logits = discriminator(torch.cat([drawn, made]))
        return 0.5 * (loss(logits[:BATCH], real) + loss(logits[BATCH:], fake))

    def g_loss():
        return loss(discriminator(generator(noise())), real)

    if compiled:
        d_loss, g_loss = torch.compile(d_loss), torch.compile(g_loss)

    def step():
        index = torch.randint(0, IMAGES, (BATCH,), device=DEVICE)
        drawn = (images[index].float() - 127.5) / 127.5
        if FAMILY == "conv":
            drawn = drawn.view(-1, 1, 28, 28)
        d_adam.zero_grad(set_to_none=True)
        d_loss(drawn).backward()
        d_adam.step()
        discriminator.requires_grad_(False)
        g_adam.zero_grad(set_to_none=True)
        g_loss().backward()
        g_adam.step()
        discriminator.requires_grad_(True)
        with torch.no_grad():
            torch._foreach_lerp_(average, list(generator.parameters()), 1 - DECAY)

    if graph:
        side = torch.cuda.Stream()
        with torch.cuda.stream(side):
            for _ in range(5):
                step()
        torch.cuda.current_stream().wait_stream(side)
        recorded = torch.cuda.CUDAGraph()
        with torch.cuda.graph(recorded):
            step()
        step = recorded.replay

    def steps(count):
        for _ in range(count):
            step()
        average[0].sum().item()

    return steps


def tensorflow(xla):
    import keras
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(THREADS)
    tf.config.threading.set_inter_op_parallelism_threads(1)

    def net(widths, last):
        hidden = [keras.Input((widths[0],))]
        for width in widths[1:-1]:
            hidden += [keras.layers.Dense(width), keras.layers.LeakyReLU(negative_slope=0.2)]
        return keras.Sequential([*hidden, keras.layers.Dense(widths[-1], activation=last)])

    if FAMILY == "dense":
        generator, discriminator = net(GENERATOR, "tanh"), net(DISCRIMINATOR, None)
    else:
        from keras import layers

        deep, sides = 2 * FILTERS, {"strides": 2, "padding": "same"}
        leaky = lambda: layers.LeakyReLU(negative_slope=0.2)
        generator = keras.Sequential([
            keras.Input((100,)), layers.Dense(49 * deep, use_bias=False),
            layers.BatchNormalization(), leaky(), layers.Reshape((7, 7, deep)),
            layers.Conv2DTranspose(FILTERS, KERNEL, use_bias=False, **sides),
            layers.BatchNormalization(), leaky(),
            layers.Conv2DTranspose(1, KERNEL, activation="tanh", **sides),
        ])
        discriminator = keras.Sequential([
            keras.Input((28, 28, 1)), layers.Conv2D(FILTERS, KERNEL, **sides), leaky(),
            layers.Conv2D(deep, KERNEL, **sides), leaky(), layers.Flatten(), layers.Dense(1),
        ])
    g_adam, d_adam = (
        keras.optimizers.Adam(LR, beta_1=BETA1, beta_2=BETA2, epsilon=EPSILON) for _ in range(2)
    )
    g_adam.build(generator.trainable_variables)
    d_adam.build(discriminator.trainable_variables)
    average = [tf.Variable(v) for v in generator.trainable_variables]
    images = tf.cast(tf.random.uniform((IMAGES, 784), 0, 256, tf.int32), tf.uint8)
    entropy = tf.nn.sigmoid_cross_entropy_with_logits

    @tf.function(jit_compile=xla)
    def step(drawn):
        drawn = (tf.cast(drawn, tf.float32) - 127.5) / 127.5
        if FAMILY == "conv":
            drawn = tf.reshape(drawn, (BATCH, 28, 28, 1))
        made = generator(tf.random.normal((BATCH, 100)), training=True)
        with tf.GradientTape() as tape:
            logits = discriminator(tf.concat([drawn, made], 0))
            labels = tf.concat([tf.ones((BATCH, 1)), tf.zeros((BATCH, 1))], 0)
            loss = tf.reduce_mean(entropy(labels, logits))
        weights = discriminator.trainable_variables
        d_adam.apply(tape.gradient(loss, weights), weights)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            weights = generator.trainable_variables
            tape.watch([w.value for w in weights])
            logits = discriminator(generator(tf.random.normal((BATCH, 100)), training=True))
            loss = tf.reduce_mean(entropy(tf.ones((BATCH, 1)), logits))
        g_adam.apply(tape.gradient(loss, [w.value for w in weights]), weights)
        for mean, weight in zip(average, weights):
            mean.assign(DECAY * mean + (1 - DECAY) * weight)
        return loss

    def steps(count):
        for _ in range(count):
            index = tf.random.uniform((BATCH,), 0, IMAGES, tf.int32)
            loss = step(tf.gather(images, index))
        float(loss)

    return steps


def jax_jit():
    import jax
    import jax.numpy as jnp

    def net(key, widths):
        keys = jax.random.split(key, len(widths))
        limit = [(6 / (a + b)) ** 0.5 for a, b in zip(widths, widths[1:])]
        return [
            (jax.random.uniform(k, (a, b), minval=-m, maxval=m), jnp.zeros(b))
            for k, a, b, m in zip(keys, widths, widths[1:], limit)
        ]

    def forward(layers, x):
        for index, (weight, bias) in enumerate(layers):
            x = x @ weight + bias
            if index + 1 < len(layers):
                x = jax.nn.leaky_relu(x, 0.2)
        return x

    def generate(layers, noise):
        return jnp.tanh(forward(layers, noise))

    if FAMILY == "conv":
        deep, order = 2 * FILTERS, ("NHWC", "HWIO", "NHWC")

        def uniform(key, shape, fans):
            limit = (6 / fans) ** 0.5
            return jax.random.uniform(key, shape, minval=-limit, maxval=limit)

        def net(key, widths):
            one, two, three = jax.random.split(key, 3)
            area = KERNEL * KERNEL
            near = uniform(one, (KERNEL, KERNEL, 1, FILTERS), area * (1 + FILTERS))
            far = uniform(two, (KERNEL, KERNEL, FILTERS, deep), area * (FILTERS + deep))
            if widths == DISCRIMINATOR:
                head = uniform(three, (49 * deep, 1), 49 * deep + 1)
                return [(near, jnp.zeros(FILTERS)), (far, jnp.zeros(deep)), (head, jnp.zeros(1))]
            head = uniform(three, (100, 49 * deep), 49 * deep + 100)
            norm = lambda units: (jnp.ones(units), jnp.zeros(units))
            # As transposed convolutions take them: inputs, then outputs.
            near, far = near.transpose(0, 1, 3, 2), far.transpose(0, 1, 3, 2)
            return [(head, norm(49 * deep)), (far, norm(FILTERS)), (near, jnp.zeros(1))]

        def normalise(x, gamma_beta):
            axes = tuple(range(x.ndim - 1))
            mean = x.mean(axes)
            variance = ((x - mean) ** 2).mean(axes)
            x = (x - mean) * jax.lax.rsqrt(variance + 1e-5) * gamma_beta[0] + gamma_beta[1]
            return jax.nn.leaky_relu(x, 0.2)

        def generate(layers, noise):
            (head, first), (far, second), (near, bias) = layers
            x = normalise(noise @ head, first).reshape(-1, 7, 7, deep)
            up = lambda x, w: jax.lax.conv_transpose(x, w, (2, 2), "SAME", dimension_numbers=order)
            return jnp.tanh(up(normalise(up(x, far), second), near) + bias)

        def forward(layers, x):
            x = x.reshape(-1, 28, 28, 1)
            for weight, bias in layers[:2]:
                x = jax.lax.conv_general_dilated(
                    x, weight, (2, 2), [(1, 1), (1, 1)], dimension_numbers=order
                )
                x = jax.nn.leaky_relu(x + bias, 0.2)
            weight, bias = layers[2]
            return x.reshape(len(x), -1) @ weight + bias

    def adam(weights, gradient, first, second, t):
        tree = jax.tree.map
        first = tree(lambda m, g: BETA1 * m + (1 - BETA1) * g, first, gradient)
        second = tree(lambda v, g: BETA2 * v + (1 - BETA2) * g * g, second, gradient)
        rate, root = LR / (1 - BETA1**t), (1 - BETA2**t) ** -0.5
        update = lambda w, m, v: w - rate * m / (jnp.sqrt(v) * root + EPSILON)
        return tree(update, weights, first, second), first, second

    def d_loss(discriminator, both):
        logits = forward(discriminator, both)
        signs = jnp.concatenate([jnp.ones((BATCH, 1)), -jnp.ones((BATCH, 1))])
        return -jax.nn.log_sigmoid(signs * logits).mean()

    def g_loss(generator, discriminator, noise):
        return -jax.nn.log_sigmoid(forward(discriminator, generate(generator, noise))).mean()

    def step(state, images):
        g, d, gm, gv, dm, dv, average, t, key = state
        key, index, one, two = jax.random.split(key, 4)
        t = t + 1
        drawn = images[jax.random.randint(index, (BATCH,), 0, IMAGES)]
        drawn = (drawn.astype(jnp.float32) - 127.5) / 127.5
        made = generate(g, jax.random.normal(one, (BATCH, 100)))
        gradient = jax.grad(d_loss)(d, jnp.concatenate([drawn, made.reshape(BATCH, 784)]))
        d, dm, dv = adam(d, gradient, dm, dv, t)
        gradient = jax.grad(g_loss)(g, d, jax.random.normal(two, (BATCH, 100)))
        g, gm, gv = adam(g, gradient, gm, gv, t)
        average = jax.tree.map(lambda a, w: DECAY * a + (1 - DECAY) * w, average, g)
        return g, d, gm, gv, dm, dv, average, t, key

    one, two, three, key = jax.random.split(jax.random.key(0), 4)
    g, d = net(one, GENERATOR), net(two, DISCRIMINATOR)
    zeros = lambda: [jax.tree.map(jnp.zeros_like, w) for w in (g, g, d, d)]
    images = jax.random.randint(three, (IMAGES, 784), 0, 256).astype(jnp.uint8)
    copy = jax.tree.map(jnp.copy, g)
    state = [(g, d, *zeros(), copy, jnp.float32(0), key)]
    compiled = jax.jit(step, donate_argnums=0)

    def steps(count):
        for _ in range(count):
            state[0] = compiled(state[0], images)
        jax.block_until_ready(state[0])

    return steps


def keras_listing():
    import keras
    import numpy as np
    import tensorflow as tf
    from keras.layers import Dense, Flatten, Input, LeakyReLU, Reshape

    tf.config.threading.set_intra_op_parallelism_threads(THREADS)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    generator = keras.Sequential([Input((100,))])
    for width in GENERATOR[1:-1]:
        generator.add(Dense(width))
        generator.add(LeakyReLU(negative_slope=0.2))
    generator.add(Dense(784, activation="tanh"))
    generator.add(Reshape((28, 28, 1)))
    discriminator = keras.Sequential([Input((28, 28, 1)), Flatten()])
    for width in DISCRIMINATOR[1:-1]:
        discriminator.add(Dense(width))
        discriminator.add(LeakyReLU(negative_slope=0.2))
    discriminator.add(Dense(1, activation="sigmoid"))
    discriminator.compile(loss="binary_crossentropy", optimizer="adam")
    noise = Input((100,))
    combined = keras.Model(noise, discriminator(generator(noise)))
    discriminator.trainable = False
    combined.compile(loss="binary_crossentropy", optimizer="adam")
    discriminator.trainable = True
    images = np.random.randint(0, 256, (IMAGES, 28, 28, 1)).astype(np.float32) / 127.5 - 1
    real, fake = np.ones((BATCH, 1)), np.zeros((BATCH, 1))

    def steps(count):
        for _ in range(count):
            drawn = images[np.random.randint(0, IMAGES, BATCH)]
            made = generator.predict(np.random.normal(0, 1, (BATCH, 100)), verbose=0)
            discriminator.train_on_batch(drawn, real)
            discriminator.train_on_batch(made, fake)
            combined.train_on_batch(np.random.normal(0, 1, (BATCH, 100)), real)

    return steps


PEERS = {
    "pytorch": pytorch,
    "pytorch-channels-last": lambda: pytorch(channels_last=True),
    "pytorch-compiled": lambda: pytorch(compiled=True),
    "pytorch-compiled-channels-last": lambda: pytorch(compiled=True, channels_last=True),
    "pytorch-graph": lambda: pytorch(graph=True),
    "tensorflow": lambda: tensorflow(False),
    "tensorflow-xla": lambda: tensorflow(True),
    "jax": jax_jit,
    "keras": keras_listing,
}


def main():
    steps = PEERS[NAME]()
    for line in sys.stdin:
        count = int(line)
        begin = time.perf_counter()
        steps(count)
        print((time.perf_counter() - begin) / count * 1e3, flush=True)


if __name__ == "__main__":
    main()
